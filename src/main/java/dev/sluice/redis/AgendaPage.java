package dev.sluice.redis;

/** Some schedules that follow each other, as {@link ScheduleStore#page} answers them. */
public final class AgendaPage {
    private static final int HEAD = 2;
    private static final int FIELDS = 4;

    private final Reply reply;

    AgendaPage(Reply reply) {
        this.reply = reply;
    }

    /** How many there are, from 0 to {@link ScheduleStore#LONGEST_PAGE}. */
    public int size() {
        return (reply.size() - HEAD) / FIELDS;
    }

    /** One of them, in their order from 0. */
    public ScheduleRecord get(int index) {
        int at = at(index);
        return ScheduleRecord.read(
                reply.text(at),
                reply.text(at + 1),
                ScheduleRecord.dueMs(reply.text(at + 2)),
                reply.number(at + 3) == 1);
    }

    /** The bytes of its record. */
    public int length(int index) {
        return reply.bytes(at(index) + 1).length;
    }

    /** What {@link ScheduleStore#page} goes on after: a {@link Position}. */
    public byte[] position(int index) {
        int at = at(index);
        return Position.of(reply.text(at + 2), reply.bytes(at));
    }

    /** Whether more follow. */
    public boolean more() {
        return reply.number(1) == 1;
    }

    /** When it was read. */
    long nowMs() {
        return reply.number(0);
    }

    /** What a script says beside the schedules. */
    String next() {
        return reply.digits(1);
    }

    private static int at(int index) {
        return HEAD + index * FIELDS;
    }
}
