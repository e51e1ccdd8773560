/**
 * The commands of the program: what may be typed behind {@code sluice}, with its options, help and exit codes.
 *
 * <p>Floor 6. {@code run} leads into {@code serve}; the others ask a Redis, show the answer and end, on the caller's thread.
 */
@NullMarked
package dev.sluice.app.command;

import org.jspecify.annotations.NullMarked;
