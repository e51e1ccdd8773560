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
 * task was taken, and the deletion when it ended; and who took it, before the one and after the other, so that no word
 * outlives this process. What comes in while a write is under way goes into the next one.
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
    private final Presence presence;
    private final Consumer<Throwable> onFailure;
    private final Backoff backoff = new Backoff();
    private final Set<String> unannounced = new HashSet<>();
    private final Set<String> retracted = new HashSet<>();
    private final Set<String> pushed = new HashSet<>();
    private final TakenRecord record = new TakenRecord();
    private List<String> taken = new ArrayList<>();
    private List<Attempt> ended = new ArrayList<>();
    private int looks;
    private boolean tidies;
    private boolean writing;
    private boolean pausing; // after a write that failed, of which it is a part
    private boolean refusalTold;

    StatusWriter(String queue, PopStore store, Calls calls, Presence presence, Consumer<Throwable> onFailure) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.presence = presence;
        this.onFailure = onFailure;
    }

    void taken(Attempt attempt) {
        String id = attempt.frame().id();
        record.add(attempt);
        taken.add(id);
        if (attempt.frame().isForeign()) { // perhaps a copy of a dead letter
            pushed.add(id);
        }
    }

    void ended(Attempt attempt) {
        ended.add(attempt);
    }

    /** Redis keeps it under another word. */
    void kept(Attempt attempt) {
        record.remove(attempt);
    }

    /** Nothing is written any more of what is held, under the name of this dispatcher. */
    void forgotten(Holdings held) {
        held.forEach(attempt -> taken.add(attempt.frame().id()));
        record.forgotten();
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
        return (!writing || pausing) && looks == 0 && taken.isEmpty() && ended.isEmpty();
    }

    /** From time to time: what only leaves the record waits for that, or goes with something else. */
    void tick() {
        tidies = true;
    }

    /** Sends what has come in, unless a write is under way. */
    void flush() {
        boolean recordOnly = taken.isEmpty() && ended.isEmpty();
        if (writing || (recordOnly && !(tidies && record.isChanged()))) {
            return;
        }
        writing = true;
        tidies = false;
        List<String> begun = firstOf(taken);
        // A deletion must never overtake the word it deletes: while words are left over, deletions wait.
        List<Attempt> done = taken.size() > begun.size() ? List.of() : firstOf(ended);
        taken = rest(taken, begun.size());
        ended = rest(ended, done.size());
        Mono<Boolean> recorded = record.isChanged()
                ? orElse(store.taken(presence.id(), record.changes()).thenReturn(true), false)
                : Mono.just(true);
        Mono<List<String>> words =
                begun.isEmpty() ? Mono.just(List.of()) : orElse(store.processing(begun, pushedOf(begun)), List.of());
        Mono<Written> all = Mono.zip(recorded, words, Written::new);
        if (!done.isEmpty()) {
            List<String> ids = done.stream().map(it -> it.frame().id()).toList();
            all = all.flatMap(written -> store.ended(ids).thenReturn(written));
        }
        calls.run(all, written -> written(written, done), failure -> failed(done, failure));
    }

    private <T> Mono<T> orElse(Mono<T> call, T otherwise) {
        return call.onErrorResume(failure -> {
            onFailure.accept(failure);
            return Mono.just(otherwise);
        });
    }

    private List<String> pushedOf(List<String> begun) {
        return pushed.isEmpty()
                ? List.of()
                : begun.stream().filter(pushed::remove).toList();
    }

    /** A producer that pushed first may yet write its status: upkeep looks after those ids. */
    private void written(Written answers, List<Attempt> done) {
        refusalTold = false;
        if (answers.recorded) {
            writing = false;
            backoff.reset();
        } else {
            record.notWritten();
            pause();
        }
        unannounced.addAll(answers.absent);
        unannounced.removeAll(retracted);
        retracted.clear();
        List<String> late = new ArrayList<>();
        for (Attempt attempt : done) {
            String id = attempt.frame().id();
            record.remove(attempt);
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

    private void failed(List<Attempt> done, Throwable failure) {
        if (failure instanceof StoreRefusedException && !refusalTold) {
            refusalTold = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", failure.getMessage())
                    .log("Statuses cannot be written; it is tried again");
        }
        record.notWritten();
        retracted.clear();
        List<Attempt> again = new ArrayList<>(done);
        again.addAll(ended);
        ended = again;
        pause();
    }

    private void pause() {
        pausing = true;
        calls.after(backoff.next(), () -> {
            pausing = false;
            writing = false;
        });
    }

    private static <T> List<T> firstOf(List<T> all) {
        return all.size() <= BATCH ? all : new ArrayList<>(all.subList(0, BATCH));
    }

    private static <T> List<T> rest(List<T> all, int from) {
        return from >= all.size() ? new ArrayList<>() : new ArrayList<>(all.subList(from, all.size()));
    }

    /** Whether the record was written, and whose status was absent before its word. */
    private record Written(boolean recorded, List<String> absent) {}
}
