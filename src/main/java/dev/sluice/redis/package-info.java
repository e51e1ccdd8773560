/**
 * The protocol: keys, scripts, replies, and the connections by role that carry them. Floor 2; imports {@code task},
 * {@code codec} and {@code observe} only, and is the only home of Lettuce and of Lua. Public to the compiler because
 * {@code client}, {@code dispatch} and {@code upkeep} stand on it; internal by rule, not an API for users.
 *
 * <p>Publishers signal on the Redis event loop: whoever subscribes hands the signal over before doing real work.
 */
@NullMarked
package dev.sluice.redis;

import org.jspecify.annotations.NullMarked;
