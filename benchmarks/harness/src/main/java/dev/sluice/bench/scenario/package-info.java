/** What is measured: a scenario is a class, and each of its variants one thing beside others. */
package dev.sluice.bench.scenario;
