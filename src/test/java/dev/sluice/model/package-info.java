/**
 * The protocol as a small machine of which every reachable state is visited: two tasks, two dispatchers, and whatever can
 * go wrong between them and Redis. Not a line of the product is used here; {@code src/docs/model.md} says what the machine
 * has of it and what it leaves out.
 */
package dev.sluice.model;
