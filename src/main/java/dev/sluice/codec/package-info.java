/**
 * Bytes to values and back: the envelope that a task travels in, and its payload.
 *
 * <p>Floor 1, on {@code task}. The only home of Jackson Databind. Everything here is stateless or immutable, safe to
 * share between threads, and never blocks; what is read comes from strangers, so every parser has limits and no bytes
 * can name a class. Error messages never hold payload text.
 */
@NullMarked
package dev.sluice.codec;

import org.jspecify.annotations.NullMarked;
