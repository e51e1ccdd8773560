/**
 * A private, real Redis server for tests: started in milliseconds, broken on purpose, gone afterwards.
 *
 * <p>Floor 5. Comes as a jar of its own (classifier {@code testkit}) and is no part of the library jar. Methods block
 * the calling thread for a bounded time: call them from tests and from {@code main}, never from an event loop.
 */
@NullMarked
package dev.sluice.testkit;

import org.jspecify.annotations.NullMarked;
