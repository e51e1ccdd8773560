/**
 * Putting tasks into a queue, and looking at them.
 *
 * <p>Floor 3: stands on {@code task}, {@code codec}, {@code observe} and {@code redis}; knows nothing of {@code dispatch}
 * and {@code upkeep}. Owns no thread and no connection. Results are signalled on Reactor's {@code parallel} scheduler,
 * never on the Redis event loop, so that what a caller does with one cannot hold up Redis traffic, heartbeats included.
 */
@NullMarked
package dev.sluice.client;

import org.jspecify.annotations.NullMarked;
