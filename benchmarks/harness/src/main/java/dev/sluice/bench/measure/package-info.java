/** How it is measured: the Redis that is loaded, what it and this process spend, and where that was. */
package dev.sluice.bench.measure;
