/**
 * The front door: connect, hand out clients and dispatchers, close in order. Floor 4. Everything a user needs begins at
 * {@link dev.sluice.Sluice}.
 */
@NullMarked
package dev.sluice;

import org.jspecify.annotations.NullMarked;
