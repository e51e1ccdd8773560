package dev.sluice.redis;

/** What became of some tasks, in the order in which they were asked for. */
public final class LookReply {
    private static final int HEAD = 2;
    private static final int FIELDS = 3;

    private final Reply reply;

    LookReply(Reply reply) {
        this.reply = reply;
    }

    /** What is known of one task; in the order of the codes of {@code look.lua}. */
    public enum Fate {
        /** It lives. */
        LIVES,
        /** It has ended, and its result is kept. */
        ENDED,
        /** It is a dead letter. */
        DEAD,
        /** Nothing is known of it. */
        UNKNOWN
    }

    private static final Fate[] BY_CODE = Fate.values();

    /** Of how many of them, from the first on, this tells; at least one. */
    public int size() {
        return (int) reply.number(1);
    }

    /** What became of the one at {@code index}, from 0. */
    public Fate fate(int index) {
        return BY_CODE[(int) reply.number(HEAD + index * FIELDS)];
    }

    /** Its result, or its record as a dead letter; empty if it lives or nothing is known. Not a copy. */
    public byte[] kept(int index) {
        return reply.bytes(HEAD + index * FIELDS + 1);
    }

    /** When it died, in ms since 1970, if it is a dead letter. */
    public long diedMs(int index) {
        return (long) Score.of(reply.text(HEAD + index * FIELDS + 2));
    }
}
