/**
 * What the standalone dispatcher is told: a YAML file, the environment and flags become settings, each with its source.
 *
 * <p>Floor 6, used by the commands and by nobody else. Reads the file once, starts no thread, logs nothing. The only home
 * of the YAML library.
 */
@NullMarked
package dev.sluice.app.config;

import org.jspecify.annotations.NullMarked;
