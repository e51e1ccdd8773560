package dev.sluice.client;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.Disposable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Scheduler;

/**
 * Holds back whoever comes until it is opened, and lets them go in the order in which they came. Who comes when it is open and
 * nobody waits goes at once, on his own thread; all others on one worker, one after the other. That is no way to go on for those
 * who come faster than one worker lets them go: a while after it was opened all go at once. Thread-safe.
 */
final class Turnstile {
    private static final int AT_ONCE = 256; // then others get the worker
    private static final Duration LONGEST_ROW = Duration.ofSeconds(1);

    private final Scheduler signals;
    private final Set<MonoSink<Void>> waiting = new LinkedHashSet<>();
    private boolean open;
    private long openNanos;
    private boolean going;
    private boolean free; // open, and all who waited have gone
    private @Nullable Throwable closed;

    Turnstile(Scheduler signals) {
        this.signals = signals;
    }

    /**
     * Completes when it is the turn of whoever subscribes; cancelling leaves the row. Fails if it is not opened within {@code limit},
     * with a {@link TimeoutException}, and as it is closed. Cold.
     */
    Mono<Void> pass(Duration limit) {
        return Mono.create(sink -> {
            Throwable refusal;
            boolean waits;
            synchronized (this) {
                refusal = closed;
                waits = refusal == null && !isFree();
                if (waits) {
                    waiting.add(sink);
                }
            }
            if (waits) {
                Disposable timer = signals.schedule(() -> giveUp(sink, limit), limit.toMillis(), TimeUnit.MILLISECONDS);
                sink.onDispose(() -> {
                    timer.dispose();
                    leave(sink);
                });
            } else {
                end(sink, refusal);
            }
        });
    }

    /** Whether whoever comes now goes at once. */
    synchronized boolean isFree() {
        free |= open && System.nanoTime() - openNanos > LONGEST_ROW.toNanos();
        return free && closed == null;
    }

    /** Lets all go who wait, and from then on everybody. */
    void open() {
        synchronized (this) {
            if (!open) {
                open = true;
                openNanos = System.nanoTime();
            }
        }
        go();
    }

    /** Fails all who wait, and whoever comes. */
    void close(Throwable why) {
        synchronized (this) {
            closed = why;
        }
        go();
    }

    private void go() {
        synchronized (this) {
            if (going) {
                return;
            }
            going = true;
        }
        signals.schedule(this::letGo);
    }

    private void letGo() {
        for (int i = 0; i < AT_ONCE; i++) {
            MonoSink<Void> next;
            Throwable refusal;
            synchronized (this) {
                refusal = closed;
                next = waiting.isEmpty() ? null : waiting.iterator().next();
                if (next == null) {
                    going = false;
                    free |= open;
                    return;
                }
                waiting.remove(next);
            }
            end(next, refusal);
        }
        signals.schedule(this::letGo);
    }

    /** Of one that is open it only has to be waited for one's turn. */
    private void giveUp(MonoSink<Void> sink, Duration limit) {
        synchronized (this) {
            if (open || !waiting.remove(sink)) {
                return;
            }
        }
        end(sink, new TimeoutException("it was not open within " + limit.toMillis() + " ms"));
    }

    private synchronized void leave(MonoSink<Void> sink) {
        waiting.remove(sink);
    }

    private static void end(MonoSink<Void> sink, @Nullable Throwable refusal) {
        Coalescer.signal(() -> {
            if (refusal == null) {
                sink.success();
            } else {
                sink.error(refusal);
            }
        });
    }
}
