package dev.sluice.dispatch;

import dev.sluice.redis.PopStore;
import dev.sluice.task.StoreRefusedException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Writes the status transitions of at-most-once tasks as side effects that nobody waits for: {@code processing} when a
 * task was taken, and the deletion when it ended. What comes in while a write is under way goes into the next one.
 *
 * <p>The word {@code processing} is written once, on a best effort; a deletion is repeated until Redis has it. Both take
 * the same link, so their order holds. Confined to the loop thread.
 */
final class StatusWriter {
    /** With this many writes waiting no more tasks are taken. */
    private static final int BEHIND = 4096;

    private static final int BATCH = 512;

    private static final Logger log = LoggerFactory.getLogger(StatusWriter.class);

    private final String queue;
    private final PopStore store;
    private final Calls calls;
    private final Consumer<Throwable> onFailure;
    private final Backoff backoff = new Backoff();
    private final Set<String> unannounced = new HashSet<>();
    private final Set<String> retracted = new HashSet<>();
    private final Set<String> pushed = new HashSet<>();
    private List<String> taken = new ArrayList<>();
    private List<String> ended = new ArrayList<>();
    private int looks;
    private boolean writing;
    private boolean refusalTold;

    StatusWriter(String queue, PopStore store, Calls calls, Consumer<Throwable> onFailure) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.onFailure = onFailure;
    }

    /** {@code isPushed}: by any client, so that it may be a copy of a dead letter. */
    void taken(String id, boolean isPushed) {
        taken.add(id);
        if (isPushed) {
            pushed.add(id);
        }
    }

    void ended(String id) {
        ended.add(id);
    }

    /**
     * Another word is about to be written for this id, on the same link: {@code processing} must not follow it. What was
     * sent already goes before.
     */
    void overruled(String id) {
        taken.removeIf(id::equals);
        pushed.remove(id);
        unannounced.remove(id);
        if (writing) {
            retracted.add(id);
        }
    }

    boolean isBehind() {
        return taken.size() + ended.size() > BEHIND;
    }

    boolean isIdle() {
        return !writing && looks == 0 && taken.isEmpty() && ended.isEmpty();
    }

    /** Sends what has come in, unless a write is under way. */
    void flush() {
        if (writing || (taken.isEmpty() && ended.isEmpty())) {
            return;
        }
        writing = true;
        List<String> begun = firstOf(taken);
        // A deletion must never overtake the word it deletes: while words are left over, deletions wait.
        List<String> done = taken.size() > begun.size() ? List.of() : firstOf(ended);
        taken = rest(taken, begun.size());
        ended = rest(ended, done.size());
        Mono<List<String>> words = begun.isEmpty()
                ? Mono.just(List.of())
                : store.processing(begun, pushedOf(begun)).onErrorResume(failure -> {
                    onFailure.accept(failure);
                    return Mono.just(List.of());
                });
        Mono<List<String>> both = done.isEmpty()
                ? words
                : words.flatMap(absent -> store.ended(done).thenReturn(absent));
        calls.run(both, absent -> written(absent, done), failure -> failed(done, failure));
    }

    private List<String> pushedOf(List<String> begun) {
        return pushed.isEmpty()
                ? List.of()
                : begun.stream().filter(pushed::remove).toList();
    }

    /** A producer that pushed first may yet write its status: upkeep looks after those ids. */
    private void written(List<String> absent, List<String> done) {
        writing = false;
        refusalTold = false;
        backoff.reset();
        unannounced.addAll(absent);
        unannounced.removeAll(retracted);
        retracted.clear();
        List<String> late = new ArrayList<>();
        for (String id : done) {
            if (unannounced.remove(id)) {
                late.add(id);
            }
        }
        if (!late.isEmpty()) {
            looks++;
            calls.run(store.lookAfter(late).thenReturn(true), looked -> looks--, failure -> {
                looks--;
                onFailure.accept(failure);
            });
        }
    }

    private void failed(List<String> done, Throwable failure) {
        if (failure instanceof StoreRefusedException && !refusalTold) {
            refusalTold = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", failure.getMessage())
                    .log("Statuses cannot be written; it is tried again");
        }
        retracted.clear();
        List<String> again = new ArrayList<>(done);
        again.addAll(ended);
        ended = again;
        calls.after(backoff.next(), () -> writing = false);
    }

    private static List<String> firstOf(List<String> ids) {
        return ids.size() <= BATCH ? ids : new ArrayList<>(ids.subList(0, BATCH));
    }

    private static List<String> rest(List<String> ids, int from) {
        return from >= ids.size() ? new ArrayList<>() : new ArrayList<>(ids.subList(from, ids.size()));
    }
}
