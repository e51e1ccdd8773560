package dev.sluice.dispatch;

import dev.sluice.redis.Joined;
import dev.sluice.redis.PopStore;
import dev.sluice.task.TaskId;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Under which name an at-most-once dispatcher is known, so that somebody takes its words away if it dies: Redis keeps which
 * tasks it took, and it renews a lease. What it took is lost with it all the same, and a task is nobody else's if the lease
 * lapses: then only words were taken away, and they are written again under another name.
 *
 * <p>Confined to the loop thread.
 */
final class Presence {
    private static final Logger log = LoggerFactory.getLogger(Presence.class);
    private static final long LONGEST_PAUSE_NANOS = 500_000_000L;

    private final String queue;
    private final PopStore store;
    private final Calls calls;
    private final Duration lease;
    private final Runnable onAnother;
    private String id = TaskId.random();
    private boolean busy;
    private long beatNanos = System.nanoTime();

    /** {@code onAnother} runs when there is another name: whatever is held is to be written under that. */
    Presence(String queue, PopStore store, Calls calls, Duration lease, Runnable onAnother) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.lease = lease;
        this.onAnother = onAnother;
    }

    /** The present name. */
    String id() {
        return id;
    }

    /** Makes the present name known; may be repeated. */
    Mono<Joined> join() {
        return store.join(id, lease);
    }

    /** Renews the lease when it is time; once it has joined. */
    void tick(long nowNanos) {
        if (busy || nowNanos - beatNanos < lease.toNanos() / 3) {
            return;
        }
        busy = true;
        beatNanos = nowNanos;
        calls.run(
                store.heartbeat(id, lease),
                renewed -> {
                    busy = false;
                    if (!renewed) {
                        takeAnother();
                    }
                },
                failure -> {
                    busy = false;
                    beatSoon();
                });
    }

    /** Leaves nothing behind; only if nothing is held. It overtakes no join: both go over one link. */
    Mono<Void> leave() {
        return store.leave(id);
    }

    private void takeAnother() {
        String before = id;
        id = TaskId.random();
        log.atWarn()
                .addKeyValue("queue", queue)
                .log("The lease of this dispatcher was over: the statuses of its tasks are written again");
        onAnother.run();
        joinAgain(before);
    }

    /** What was written under the old name after it had lapsed goes with it. */
    private void joinAgain(String before) {
        busy = true;
        calls.run(
                join().flatMap(done -> store.leave(before).thenReturn(done)),
                done -> busy = false,
                failure -> calls.after(Duration.ofNanos(LONGEST_PAUSE_NANOS), () -> joinAgain(before)));
    }

    /** The next try comes soon: several of them fit into what is left of the lease. */
    private void beatSoon() {
        long pause = Math.min(LONGEST_PAUSE_NANOS, lease.toNanos() / 40);
        beatNanos = System.nanoTime() - lease.toNanos() / 3 + pause;
    }
}
