/** What a single step costs, in time and in bytes allocated: JMH benchmarks, run with {@link dev.sluice.bench.micro.Micro}. */
package dev.sluice.bench.micro;
