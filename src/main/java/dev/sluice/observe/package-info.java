/**
 * What happened, told once: to nobody by default, to Micrometer, or to an {@link Observer} of your own.
 *
 * <p>Floor 1. The only home of Micrometer, which is an optional dependency. Called on the threads that move tasks, in
 * batches; nothing here blocks.
 */
@NullMarked
package dev.sluice.observe;

import org.jspecify.annotations.NullMarked;
