package dev.sluice.dispatch;

import dev.sluice.redis.Joined;
import dev.sluice.redis.PopStore;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/**
 * Under which name an at-most-once dispatcher is known, so that somebody takes its words away if it dies: Redis keeps which
 * tasks it took, and it renews a lease. What it took is lost with it all the same, and a task is nobody else's if the lease
 * lapses: then only words were taken away, and they are written anew under another name, once nothing of the old one is left.
 *
 * <p>Confined to the loop thread.
 */
final class Presence {
    private static final Logger log = LoggerFactory.getLogger(Presence.class);
    private static final Duration TO_JOIN_AGAIN = Duration.ofMillis(500);

    private final String queue;
    private final PopStore store;
    private final Calls calls;
    private final Duration lease;
    private final Runnable onAnother;
    private final Consumer<Throwable> onFailure;
    private String id = TaskId.random();
    private Mono<Void> answered = Mono.empty(); // or failed: the last join
    private boolean beating;
    private @Nullable String next; // while it changes
    private volatile long bornMs; // the queue's, when it was joined last
    private long beatNanos = System.nanoTime();

    /**
     * {@code onAnother} runs when another name is known: whatever is held is to be written under that. {@code onFailure} is told
     * whenever that cannot be had: meanwhile nothing is to be taken.
     */
    Presence(
            String queue,
            PopStore store,
            Calls calls,
            Duration lease,
            Runnable onAnother,
            Consumer<Throwable> onFailure) {
        this.queue = queue;
        this.store = store;
        this.calls = calls;
        this.lease = lease;
        this.onAnother = onAnother;
        this.onFailure = onFailure;
    }

    /** The present name: until another is known, the one before, for what is written under that is there still. */
    String id() {
        return id;
    }

    /** Whether Redis knows it, as far as is known here. */
    boolean isKnown() {
        return next == null;
    }

    /** Makes the present name known; may be repeated. */
    Mono<Joined> join() {
        return join(id);
    }

    private Mono<Joined> join(String name) {
        Mono<Joined> join = store.join(name, lease)
                .doOnNext(joined -> bornMs = joined.bornMs())
                .cache();
        answered = join.then().onErrorComplete();
        return join;
    }

    /** Renews the lease when it is time; once it has joined. */
    void tick(long nowNanos) {
        if (beating || next != null || nowNanos - beatNanos < lease.toNanos() / 3) {
            return;
        }
        beating = true;
        beatNanos = nowNanos;
        String name = id;
        calls.run(
                store.heartbeat(name, lease),
                renewed -> {
                    beating = false;
                    if (!renewed) {
                        lapsed(name);
                    }
                },
                failure -> {
                    beating = false;
                    beatNanos = LeaseKeeper.toBeatSoon(lease);
                });
    }

    /** Leaves nothing behind; only if nothing is held. It overtakes no join: it waits until the last one is answered. */
    Mono<Void> leave() {
        Mono<Void> left = answered.then(store.leave(id));
        return next == null ? left : left.then(store.leave(next));
    }

    /** This name is not known any more; another is taken, unless that has been done. */
    void lapsed(String name) {
        if (next == null && name.equals(id)) {
            String another = TaskId.random();
            next = another;
            joinAs(another, bornMs);
        }
    }

    /** The words that others have not taken away yet go before any is written under the new name: they say the same. */
    private void joinAs(String another, long bornBefore) {
        Mono<Void> leaving = store.leave(id);
        calls.run(
                join(another).flatMap(joined -> leaving.thenReturn(joined)),
                joined -> {
                    if (joined.bornMs() == bornBefore) { // else its keys were gone, which is told
                        log.atWarn()
                                .addKeyValue("queue", queue)
                                .log(
                                        "The lease of this dispatcher was over: the statuses of its tasks are written again");
                    }
                    id = another;
                    next = null;
                    beatNanos = System.nanoTime();
                    onAnother.run();
                },
                failure -> {
                    onFailure.accept(failure);
                    calls.after(TO_JOIN_AGAIN, () -> joinAs(another, bornBefore));
                });
    }
}
