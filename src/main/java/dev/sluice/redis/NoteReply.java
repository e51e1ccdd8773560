package dev.sluice.redis;

import java.util.ArrayList;
import java.util.List;

/**
 * What Redis says to a {@link NoteCall}.
 *
 * @param outcome what became of it
 * @param late the ids of those that run, and that any client may have pushed, whose status had not arrived; of a call that was
 *     written before nobody knows any more
 */
public record NoteReply(Outcome outcome, List<String> late) {

    static NoteReply of(Reply reply) {
        List<String> late = new ArrayList<>(0);
        for (int i = 1; i < reply.size(); i++) {
            late.add(reply.text(i));
        }
        return new NoteReply(Outcome.values()[(int) reply.number(0)], late);
    }

    /** What became of a call; in the order of the numbers that stand for them. */
    public enum Outcome {
        /** It is written down. */
        WRITTEN,
        /**
         * Nothing was: the incarnation is unknown, or others have begun to take its words away, or Redis went back in time, and
         * what is written of it is older than it.
         */
        LAPSED,
        /** An earlier sending of it was. */
        WRITTEN_BEFORE
    }
}
