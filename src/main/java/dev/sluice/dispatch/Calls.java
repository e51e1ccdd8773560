package dev.sluice.dispatch;

import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * The calls and timers a pump has open. Either end of a call arrives on the loop thread; what is still open when the
 * pump closes is disposed of, and then nothing arrives any more.
 */
final class Calls {
    private final EventLoop loop;
    private final Disposable.Composite open = Disposables.composite();

    Calls(EventLoop loop) {
        this.loop = loop;
    }

    /** Subscribes now. A call that completes empty tells nobody. */
    <T> void run(Mono<T> call, Consumer<T> onValue, Consumer<Throwable> onError) {
        Disposable.Swap handle = Disposables.swap();
        open.add(handle);
        handle.update(call.subscribe(
                value -> {
                    open.remove(handle);
                    loop.execute(() -> onValue.accept(value));
                },
                failure -> {
                    open.remove(handle);
                    loop.execute(() -> onError.accept(failure));
                },
                () -> open.remove(handle)));
    }

    /** Runs {@code work} on the loop thread soon. */
    void later(Runnable work) {
        loop.execute(work);
    }

    /** Runs {@code work} on the loop thread after {@code delay}, unless the pump closes before. */
    void after(Duration delay, Runnable work) {
        Disposable.Swap handle = Disposables.swap();
        open.add(handle);
        handle.update(loop.after(delay, () -> {
            open.remove(handle);
            work.run();
        }));
    }

    /** Disposes of something long-lived when the pump closes. */
    void keep(Disposable disposable) {
        open.add(disposable);
    }

    void dispose() {
        open.dispose();
    }
}
