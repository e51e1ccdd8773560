/**
 * How the program speaks to whoever typed it: lines and tables on a terminal, refusals with an exit code, addresses without
 * their passwords.
 *
 * <p>Floor 6. Used by {@code serve} and {@code command}, uses {@code config} only. Starts no thread.
 */
@NullMarked
package dev.sluice.app.console;

import org.jspecify.annotations.NullMarked;
