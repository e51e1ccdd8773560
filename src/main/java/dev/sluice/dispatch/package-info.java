/**
 * Takes tasks out, runs them within bounds, and settles them. Floor 3; imports {@code task}, {@code codec},
 * {@code observe} and {@code redis}, never {@code client} or {@code upkeep}.
 *
 * <p>Threads: one loop thread for each dispatcher owns permits, calls and timers of all its queues; handlers run on a
 * scheduler of their own, never on the loop and never on a Redis event loop. Nothing here blocks.
 */
@NullMarked
package dev.sluice.dispatch;

import org.jspecify.annotations.NullMarked;
