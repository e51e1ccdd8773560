package dev.sluice.dispatch;

import dev.sluice.redis.NoteCall;
import dev.sluice.redis.NoteReply;
import dev.sluice.redis.NoteReply.Outcome;
import dev.sluice.redis.PopStore;
import dev.sluice.task.StoreRefusedException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the status transitions of at-most-once tasks as side effects that nobody waits for: {@code processing} when a
 * task was taken, the deletion when it ended; and in the same steps the record of what this dispatcher has, by which whoever finds it
 * dead takes its words away. What comes in while a write is under way goes into the next one.
 *
 * <p>A write has a number, says which was the last before it, and is sent until it is answered: whichever of its sendings comes first acts, and no
 * other does, though one may lie about in a socket that was given up. Where the lease has lapsed, or Redis went back in time, none acts,
 * and what is held is written anew under another name.
 *
 * <p>Tasks are written in the order of their tokens, in which they were taken. What has ended before its turn is never said to run;
 * what gets another word waits for its first one, if that is on its way. Confined to the loop thread.
 */
final class StatusWriter {
    /** With this many writes waiting no more tasks are taken. */
    private static final int BEHIND = 4096;

    private static final int BATCH = 512;

    private static final Logger log = LoggerFactory.getLogger(StatusWriter.class);

    private final String queue;
    private final PopStore store;
    private final Calls calls;
    private final Presence presence;
    private final Holdings holdings;
    private final Consumer<Throwable> onFailure;
    private final Backoff backoff = new Backoff();
    private final Set<String> late = new HashSet<>(); // of what runs: whose status had not arrived
    private final List<Overruled> overruled = new ArrayList<>();
    private List<Attempt> taken = new ArrayList<>();
    private List<Attempt> ended = new ArrayList<>();
    private @Nullable Write sent;
    private boolean lapsed; // its name
    private long newest;
    private long writtenTo; // that token
    private long number;
    private long previous; // that was written, under the present name
    private boolean refusalTold;

    StatusWriter(
            String queue,
            PopStore store,
            Calls calls,
            Presence presence,
            Holdings holdings,
            Consumer<Throwable> onFailure) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.presence = presence;
        this.holdings = holdings;
        this.onFailure = onFailure;
    }

    void taken(Attempt attempt) {
        newest = attempt.token();
        taken.add(attempt);
    }

    /** It is settled, and what is left of it in Redis is its word. */
    void ended(Attempt attempt) {
        ended.add(attempt);
    }

    /**
     * It is settled, and gets another word by {@code then}: at once, unless its first word is being written, and might come after the
     * other one. If that was not begun it is not written at all.
     */
    void overruled(Attempt attempt, Runnable then) {
        Overruled one = new Overruled(attempt.frame().id(), then);
        if (sent != null && !lapsed && attempt.token() > writtenTo && attempt.token() <= sent.to) {
            overruled.add(one);
        } else {
            goOn(one);
        }
    }

    /** How many tasks wait for another word. */
    int overruled() {
        return overruled.size();
    }

    boolean isBehind() {
        return taken.size() + ended.size() > BEHIND;
    }

    boolean isIdle() {
        return sent == null && taken.isEmpty() && ended.isEmpty();
    }

    /** Sends what has come in, unless a write is under way. */
    void flush() {
        if (sent != null || !presence.isKnown() || (taken.isEmpty() && ended.isEmpty())) {
            return;
        }
        NoteCall call = new NoteCall(number + 1, previous);
        int begun = endOfBatch();
        for (Attempt attempt : taken.subList(0, begun)) {
            if (holdings.holds(attempt)) {
                call.taken(attempt.token(), attempt.frame());
            }
        }
        long to = begun == taken.size() ? newest : taken.get(begun - 1).token();
        List<Attempt> done = new ArrayList<>();
        List<Attempt> rest = new ArrayList<>();
        for (Attempt attempt : ended) {
            if (attempt.token() > to || (attempt.token() <= writtenTo && done.size() >= BATCH)) {
                rest.add(attempt);
                continue;
            }
            done.add(attempt);
            if (attempt.token() > writtenTo) {
                call.takenAndEnded(attempt.frame());
            } else {
                call.ended(
                        attempt.token(),
                        attempt.frame(),
                        late.remove(attempt.frame().id()));
            }
        }
        taken = new ArrayList<>(taken.subList(begun, taken.size()));
        ended = rest;
        if (call.isEmpty()) { // all that was taken has got another word meanwhile
            return;
        }
        number++;
        Write write = new Write(call, to, done);
        sent = write;
        send(write);
    }

    /** What was popped together and stands in one place is written together. */
    private int endOfBatch() {
        int end = Math.min(BATCH, taken.size());
        while (end < taken.size()
                && NoteCall.sharePlace(
                        taken.get(end - 1).token(), taken.get(end).token())) {
            end++;
        }
        return end;
    }

    private void send(Write write) {
        String name = presence.id();
        calls.run(
                store.note(name, write.call), reply -> answered(write, name, reply), failure -> failed(write, failure));
    }

    private void answered(Write write, String name, NoteReply reply) {
        if (sent != write) { // it was written anew meanwhile
            return;
        }
        refusalTold = false;
        backoff.reset();
        if (reply.outcome() == Outcome.LAPSED) {
            lapsed = true; // no sending of this will act any more
            goOnWithAll();
            presence.lapsed(name); // and all is written anew
            return;
        }
        sent = null;
        writtenTo = write.to;
        previous = write.call.number();
        late.addAll(reply.outcome() == Outcome.WRITTEN ? reply.late() : write.call.pushed());
        goOnWithAll();
    }

    private void failed(Write write, Throwable failure) {
        if (sent != write) {
            return;
        }
        if (failure instanceof StoreRefusedException && !refusalTold) {
            refusalTold = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", failure.getMessage())
                    .log("Statuses cannot be written; it is tried again");
        }
        onFailure.accept(failure);
        calls.after(backoff.next(), () -> {
            if (sent == write && presence.isKnown()) {
                send(write);
            }
        });
    }

    /**
     * There is another name, under which nothing is written. Under the one before nothing will be any more, and what was is gone, with the
     * words.
     */
    void writeAnew() {
        List<Attempt> unwritten = new ArrayList<>();
        if (sent != null) {
            unwritten.addAll(sent.ended);
        }
        unwritten.addAll(ended);
        unwritten.removeIf(attempt -> attempt.token() <= writtenTo);
        List<Attempt> held = new ArrayList<>();
        holdings.forEach(held::add);
        held.addAll(unwritten); // so that each has its turn
        held.sort(Comparator.comparingLong(Attempt::token));
        taken = held;
        ended = unwritten;
        sent = null;
        lapsed = false;
        writtenTo = 0;
        previous = 0;
        late.clear(); // it is seen anew who has no status
        goOnWithAll();
    }

    private void goOnWithAll() {
        List<Overruled> all = List.copyOf(overruled);
        overruled.clear();
        all.forEach(this::goOn);
    }

    private void goOn(Overruled one) {
        late.remove(one.id);
        one.then.run();
    }

    /** A task that gets another word, and what writes that. */
    private record Overruled(String id, Runnable then) {}

    /** A write until it is answered: up to which token it says who was taken, and who has ended. */
    private static final class Write {
        private final NoteCall call;
        private final long to;
        private final List<Attempt> ended;

        Write(NoteCall call, long to, List<Attempt> ended) {
            this.call = call;
            this.to = to;
            this.ended = ended;
        }
    }
}
