package dev.sluice.redis;

import dev.sluice.task.Queue;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/** The names of a queue's keys, in the order in which every script takes them; all but the status key share one slot. */
final class QueueKeys {
    private final Queue queue;
    private final byte[][] all;

    QueueKeys(Queue queue) {
        this.queue = queue;
        this.all = new byte[][] {
            bytes(queue.name()),
            tagged("ready"),
            bytes(queue.statusKey()),
            tagged("wake"),
            tagged("dispatchers"),
            tagged("delayed"),
            tagged("bodies"),
            tagged("dead"),
            tagged("dead:bodies"),
            tagged("meta"),
            tagged("late"),
            tagged("suspects"),
            tagged("cancelling"),
            tagged("cancelled"),
            tagged("progress")
        };
    }

    byte[][] all() {
        return all;
    }

    byte[][] withClaimed(String incarnation) {
        return with(claimed(incarnation));
    }

    /** With the records, due times and bodies of the schedules. */
    byte[][] withSchedules() {
        return with(schedules(), scheduleTimes(), scheduleBodies());
    }

    byte[][] withScheduleTimes() {
        return with(scheduleTimes());
    }

    /** With all that a finding of the doctor may be about. */
    byte[][] forRepair(String incarnation) {
        return with(claimed(incarnation), schedules(), scheduleTimes(), scheduleBodies());
    }

    byte[] schedules() {
        return tagged("schedules");
    }

    byte[] scheduleTimes() {
        return tagged("schedules:due");
    }

    byte[] scheduleBodies() {
        return tagged("schedules:bodies");
    }

    /** With the number of the last burial of an at-most-once dispatcher, and what it holds under this name. */
    byte[][] withBuried(String dispatcher, String incarnation) {
        return with(buried(dispatcher), claimed(incarnation));
    }

    byte[] buried(String dispatcher) {
        return tagged("buried:" + dispatcher);
    }

    /** With the results of these ids, in their order. */
    byte[][] withResults(List<String> ids) {
        return withResults(all, ids);
    }

    /** Keys of this queue, and behind them the results of these ids. */
    byte[][] withResults(byte[][] keys, List<String> ids) {
        byte[][] more = Arrays.copyOf(keys, keys.length + ids.size());
        for (int i = 0; i < ids.size(); i++) {
            more[keys.length + i] = tagged("result:" + ids.get(i));
        }
        return more;
    }

    /** With the record of the queue that a status key of somebody's choice belongs to. */
    byte[][] withStatusOwner() {
        return with(bytes(statusOwner()));
    }

    /** The same, with what this incarnation holds. */
    byte[][] withStatusOwner(String incarnation) {
        return with(bytes(statusOwner()), claimed(incarnation));
    }

    String statusOwner() {
        return queue.statusKey() + ":queue";
    }

    byte[] plain() {
        return all[0];
    }

    byte[] ready() {
        return all[1];
    }

    byte[] status() {
        return all[2];
    }

    byte[] wake() {
        return all[3];
    }

    byte[] dispatchers() {
        return all[4];
    }

    byte[] delayed() {
        return all[5];
    }

    byte[] bodies() {
        return all[6];
    }

    byte[] dead() {
        return all[7];
    }

    byte[] deadBodies() {
        return all[8];
    }

    byte[] meta() {
        return all[9];
    }

    byte[] progress() {
        return all[14];
    }

    byte[] late() {
        return all[10];
    }

    byte[] suspects() {
        return all[11];
    }

    byte[] cancelling() {
        return all[12];
    }

    byte[] cancelled() {
        return all[13];
    }

    /** Not one of the queue's: written, and gone after a millisecond, where something must be written. See DurableLink. */
    byte[] spare() {
        return tagged("spare");
    }

    byte[] claimed(String incarnation) {
        return tagged("claimed:" + incarnation);
    }

    /** A pattern for SCAN that finds the claimed hashes of every incarnation; a queue name holds no wildcard. */
    String claimedPattern() {
        return "{" + queue.name() + "}:claimed:*";
    }

    /** Patterns like {@link #claimedPattern} of the keys that are written with a time to live. */
    List<String> patternsOfTheFleeting() {
        return List.of("{" + queue.name() + "}:result:*", "{" + queue.name() + "}:buried:*");
    }

    private byte[][] with(byte[]... others) {
        byte[][] keys = Arrays.copyOf(all, all.length + others.length);
        System.arraycopy(others, 0, keys, all.length, others.length);
        return keys;
    }

    private byte[] tagged(String suffix) {
        return bytes("{" + queue.name() + "}:" + suffix);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
