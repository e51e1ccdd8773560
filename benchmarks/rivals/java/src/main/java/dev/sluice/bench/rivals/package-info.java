/** Sluice and its rivals in Java, each behind the contract of {@code benchmarks/rivals/README.md}. */
package dev.sluice.bench.rivals;
