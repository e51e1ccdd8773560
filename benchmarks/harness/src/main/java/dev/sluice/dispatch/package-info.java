/** Benchmarks of what is hidden in the dispatcher's package. */
package dev.sluice.dispatch;
