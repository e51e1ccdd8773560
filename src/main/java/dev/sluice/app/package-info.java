/**
 * The standalone dispatcher: {@code java -jar sluice-server.jar}, its commands, signals and exit codes.
 *
 * <p>Floor 6. Part of the runnable jar only. Its own threads are the caller of {@code main}, one that prints, and for a
 * demo one that pushes; these may block, handlers may not.
 */
@NullMarked
package dev.sluice.app;

import org.jspecify.annotations.NullMarked;
