package dev.sluice.dispatch;

import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * The calls and timers a pump has open. Either end of a call arrives on the loop thread.
 *
 * <p>When the pump closes its timers end, and nothing arrives any more. A call that is under way then runs out unheard:
 * cancelling it would undo nothing in Redis, and an answer that met the cancellation would be a dropped signal.
 */
final class Calls {
    private final EventLoop loop;
    private final Runnable onBug;
    private final Disposable.Composite timers = Disposables.composite();
    private volatile boolean closed;
    private volatile boolean lost;

    /** {@code onBug} is told of each piece of work that threw, and was cut off in the middle. */
    Calls(EventLoop loop, Runnable onBug) {
        this.loop = loop;
        this.onBug = onBug;
    }

    /** Subscribes now. A call that completes empty tells nobody. */
    <T> void run(Mono<T> call, Consumer<T> onValue, Consumer<Throwable> onError) {
        call.subscribe(value -> handOver(onValue, value), failure -> handOver(onError, failure));
    }

    /** An answer that is lost on its way to the loop, for an error of the machine, must not be waited for. */
    private <T> void handOver(Consumer<T> to, T end) {
        try {
            later(() -> to.accept(end));
        } catch (Throwable error) {
            lost = true;
            throw error;
        }
    }

    /** To be called with each tick: an answer that was lost on its way is as bad as work that was cut off in the middle. */
    void look() {
        if (lost && !closed) {
            onBug.run();
            lost = false;
        }
    }

    /** Runs {@code work} on the loop thread soon, unless the pump closes before. */
    void later(Runnable work) {
        loop.execute(() -> guarded(work));
    }

    /** Runs {@code work} on the loop thread after {@code delay}, unless the pump closes before. */
    void after(Duration delay, Runnable work) {
        Disposable.Swap handle = Disposables.swap();
        timers.add(handle);
        handle.update(loop.after(delay, () -> {
            timers.remove(handle);
            guarded(work);
        }));
    }

    private void guarded(Runnable work) {
        if (closed) {
            return;
        }
        try {
            work.run();
        } catch (Throwable bug) {
            onBug.run();
            throw bug; // the loop tells of it
        }
    }

    /** Disposes of something long-lived when the pump closes. */
    void keep(Disposable disposable) {
        timers.add(disposable);
    }

    void close() {
        closed = true;
        timers.dispose();
    }
}
