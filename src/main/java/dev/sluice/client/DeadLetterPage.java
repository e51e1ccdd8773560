package dev.sluice.client;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a listing of dead letters. Immutable.
 *
 * @param letters those that are meant, in the order of the listing
 * @param scanned how many dead letters were looked at for it
 * @param cursor where the listing goes on; null if it is over
 */
public record DeadLetterPage(
        List<DeadLetter> letters, long scanned, @Nullable String cursor) {

    /** Copies the letters. */
    public DeadLetterPage {
        letters = List.copyOf(letters);
    }
}
