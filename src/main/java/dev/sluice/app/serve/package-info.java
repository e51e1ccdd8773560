/**
 * What {@code sluice run} does: an embedded Redis, handlers built in and from jars, the demo, signals and the orderly end.
 *
 * <p>Floor 6. One way in, {@link dev.sluice.app.serve.Standalone}; knows no command line. Its own threads are the caller of
 * {@code main}, one that prints, and for a demo one that pushes; these may block, handlers may not.
 */
@NullMarked
package dev.sluice.app.serve;

import org.jspecify.annotations.NullMarked;
