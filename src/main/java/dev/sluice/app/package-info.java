/**
 * The standalone dispatcher: {@code java -jar sluice-server.jar}.
 *
 * <p>Floor 6. Part of the runnable jar only. Inside, each uses only what stands to its left: {@code config}, {@code console},
 * {@code serve}, {@code command}, and {@code Main} here.
 */
@NullMarked
package dev.sluice.app;

import org.jspecify.annotations.NullMarked;
