/**
 * Clock-driven chores: promote what is due, recover what silent dispatchers hold, fire schedules, trim. Floor
 * 3; imports {@code task}, {@code observe} and {@code redis}, never {@code client} or {@code dispatch}. Every dispatcher
 * runs them; each is safe to run by any number at once. Signals on the parallel scheduler and the Redis event loop.
 */
@NullMarked
package dev.sluice.upkeep;

import org.jspecify.annotations.NullMarked;
