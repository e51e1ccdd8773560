package dev.sluice.dispatch;

import dev.sluice.redis.PopStore;
import dev.sluice.redis.PopStore.Burial;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Keeps what one at-most-once dispatcher has popped and not done: what failed as dead letters, what never ran at the head of
 * its queue. It must not be lost: one batch after the other is sent until Redis has answered it. Each has a number, by which a
 * repetition is known for one: what was redriven since the first must not die again, and what went back not run twice.
 * Confined to the loop thread.
 */
final class Burials {
    private static final Logger log = LoggerFactory.getLogger(Burials.class);
    private static final int MAX_BYTES = 1024 * 1024;

    private final String queue;
    private final PopStore store;
    private final Calls calls;
    private final Presence presence;
    private final Permits permits;
    private final String dispatcher = TaskId.random();
    private final Backoff backoff = new Backoff();
    private final Deque<Burial> waiting = new ArrayDeque<>();
    private List<Burial> sent = List.of();
    private long number;
    private boolean fails;
    private boolean repeated;

    /** {@code permits} count the bytes of what it has until Redis keeps it. */
    Burials(String queue, PopStore store, Calls calls, Presence presence, Permits permits) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.presence = presence;
        this.permits = permits;
    }

    void add(Burial burial) {
        waiting.add(burial);
        if (sent.isEmpty()) {
            next();
        }
    }

    /** How many tasks Redis has not confirmed to keep. */
    int unconfirmed() {
        return waiting.size() + sent.size();
    }

    /**
     * Leaves nothing of itself in Redis. Unless a batch was ever sent twice: its first sending may still be on its way, and
     * only the number, which goes by itself in a day, keeps it from acting.
     */
    Mono<Void> end() {
        return number > 0 && unconfirmed() == 0 && !repeated ? store.forgetBurials(dispatcher) : Mono.empty();
    }

    private void next() {
        List<Burial> batch = new ArrayList<>();
        int bytes = 0;
        while (!waiting.isEmpty() && batch.size() < PopStore.MAX_BURIED && bytes < MAX_BYTES) {
            Burial one = waiting.remove();
            batch.add(one);
            bytes += one.frame().bytes().length;
        }
        sent = batch;
        if (!batch.isEmpty()) {
            number++;
            send();
        }
    }

    private void send() {
        calls.run(store.bury(dispatcher, presence.id(), number, sent).thenReturn(true), kept -> kept(), this::failed);
    }

    private void kept() {
        fails = false;
        backoff.reset();
        sent.forEach(one -> permits.bytes(-one.frame().bytes().length));
        next();
    }

    private void failed(Throwable failure) {
        repeated = true;
        if (!fails) {
            fails = true;
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("reason", failure.getMessage())
                    .log("Tasks that failed, or go back, cannot be kept in Redis; trying on");
        }
        Duration wait = backoff.next();
        calls.after(wait, this::send);
    }
}
