package dev.sluice.app.serve;

import dev.sluice.Sluice;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Waiting;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.Health;
import dev.sluice.observe.Observer;
import dev.sluice.task.Queue;
import dev.sluice.task.SluiceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * The dispatcher of {@code run} from its start to its end. What it opens it leaves to {@link Closing}, which drains and
 * disconnects when the command or the JVM ends.
 */
final class Service {
    private static final Duration QUIET_WAIT = Duration.ofSeconds(3);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(250);
    private static final Duration FIRST_TRY_AGAIN = Duration.ofMillis(50);
    private static final Duration LAST_TRY_AGAIN = Duration.ofSeconds(1);

    // After the grace. Together less than what Standalone gives to a stop on top of it.
    private static final Duration TIME_TO_HAND_BACK = Duration.ofMillis(900); // before the dispatcher gives up
    private static final Duration TIME_TO_LEAVE = Duration.ofMillis(400);
    private static final Duration TIME_TO_COUNT = Duration.ofMillis(150);
    private static final Duration TIME_TO_DISCONNECT = Duration.ofMillis(150);

    private final Settings settings;
    private final @Nullable Path file;
    private final Narrator narrator;
    private final Signals signals;
    private final Closing closing;
    private volatile @Nullable String obstacle; // that Redis itself told last

    Service(Settings settings, @Nullable Path file, Narrator narrator, Signals signals, Closing closing) {
        this.settings = settings;
        this.file = file;
        this.narrator = narrator;
        this.signals = signals;
        this.closing = closing;
    }

    /** Starts the embedded Redis; if that ends by itself, so does the service. Null if a stop was asked for before. */
    @Nullable
    RedisAddress startRedis() throws InterruptedException {
        EmbeddedRedis embedded = loaded();
        if (embedded == null) {
            return null;
        }
        closing.add(embedded::close);
        embedded.onUnexpectedEnd(() -> {
            signals.stop(1);
            narrator.redisEnded(); // may wait for whoever reads it
        });
        narrator.redisStarted(embedded.version(), embedded.port(), settings.data());
        if (embedded.isBundled()) {
            narrator.redisIsBundled();
        }
        return embedded.address();
    }

    /** It may have gigabytes to load, and a stop must not wait for that. */
    private @Nullable EmbeddedRedis loaded() throws InterruptedException {
        Duration limit = EmbeddedRedis.timeToLoad(settings.connectTimeout());
        CompletableFuture<EmbeddedRedis> start = new CompletableFuture<>();
        Thread starter = new Thread(
                () -> {
                    try {
                        start.complete(EmbeddedRedis.start(settings.data(), limit));
                    } catch (Throwable failure) { // which is told by whoever waits
                        start.completeExceptionally(failure);
                    }
                },
                "sluice-redis-start");
        starter.setDaemon(true);
        starter.start();
        CompletableFuture<Void> started = start.thenRun(() -> {});
        long sayAnyway = System.nanoTime() + QUIET_WAIT.toNanos();
        boolean told = false;
        while (!Waiting.endsWithin(started, LOOK_AGAIN)) {
            if (signals.isStopping()) {
                starter.interrupt();
                starter.join();
                if (!start.isCompletedExceptionally()) { // it was ready just then
                    start.join().close();
                }
                return null;
            }
            if (!told && System.nanoTime() - sayAnyway >= 0) {
                told = true;
                narrator.loading(settings.data(), limit);
            }
        }
        return start.join();
    }

    /** Connects, registers the handlers, shows the demo if there is one, and serves until a stop is asked for. */
    void run(RedisAddress address, HandlerJars jars, @Nullable Demo demo) throws InterruptedException {
        List<Queue> queues =
                settings.queues().stream().map(Settings.Served::queue).toList();
        TaskLog log = new TaskLog(narrator).start();
        BuiltInTypes types = new BuiltInTypes(log, context -> demo != null && demo.takesNoteOf(context));
        Results results = new Results(log, address);
        Front front = settings.http() == null ? null : new Front(settings.http());
        FileSchedules schedules = file == null ? null : new FileSchedules(settings.queues(), file, address, narrator);
        Observer told = front == null ? results : results.and(front.observer());
        Observer observer = schedules == null ? told : told.and(schedules);
        Sluice sluice = Sluice.builder().uri(address.url()).observer(observer).build();
        closing.add(() -> Waiting.endsWithin(Waiting.begin(sluice.close()), TIME_TO_DISCONNECT));
        Dispatcher dispatcher = types.register(dispatcher(sluice));
        jars.register(dispatcher, types::observed);
        if (!settings.pushes().isEmpty()) { // else what they need is not even loaded
            new Pushes(settings.pushes(), observer).register(dispatcher, types, closing);
        }
        closing.add(() -> Waiting.endsWithin(Waiting.begin(dispatcher.stop(Duration.ZERO)), TIME_TO_LEAVE));
        if (!isThere(reached(sluice), address)) {
            return;
        }
        // Before any task is begun, for each of these may end the start.
        AtomicBoolean started = new AtomicBoolean();
        if (front != null) {
            String url = front.open(sluice, queues, () -> started.get() && isReady(dispatcher));
            closing.add(front::close);
            narrator.listening(url);
        }
        if (schedules != null && !schedules.areDeclared(sluice, signals::isStopping)) {
            return;
        }
        if (!isThere(dispatcher.start(), address)) {
            return;
        }
        started.set(true);
        if (schedules != null) {
            closing.add(schedules::close);
        }
        closing.add(() -> drain(dispatcher, results, sluice));
        if (demo != null) {
            demo.run(sluice.client(queues.get(0)));
        }
        if (!signals.isStopping()) {
            narrator.serving(address, queues);
        }
        signals.await();
    }

    private boolean isReady(Dispatcher dispatcher) {
        return !signals.isStopping() && dispatcher.health().values().stream().allMatch(Health::isUp);
    }

    private Dispatcher dispatcher(Sluice sluice) {
        Dispatcher.Builder builder = sluice.dispatcher().lease(settings.lease()).crashLimit(settings.crashLimit());
        settings.queues().forEach(served -> builder.queue(served.queue(), served.settings()));
        return builder.build();
    }

    private Mono<Void> reached(Sluice sluice) {
        return sluice.server()
                .doOnError(failure -> obstacle = failure.getMessage())
                .retryWhen(Retry.backoff(Long.MAX_VALUE, FIRST_TRY_AGAIN)
                        .maxBackoff(LAST_TRY_AGAIN)
                        .filter(Service::mayPass))
                .doOnNext(answered -> obstacle = null)
                .then();
    }

    /** False if a stop was asked for before. */
    private boolean isThere(Mono<Void> beginning, RedisAddress address) {
        Duration limit = settings.connectTimeout();
        CompletableFuture<Void> started = Waiting.begin(beginning);
        long deadline = System.nanoTime() + limit.toNanos();
        long sayAnyway = System.nanoTime() + QUIET_WAIT.toNanos();
        boolean told = false;
        try {
            while (!Waiting.endsWithin(started, shorter(LOOK_AGAIN, Duration.ofNanos(deadline - System.nanoTime())))) {
                if (signals.isStopping()) {
                    return false;
                }
                if (System.nanoTime() - deadline >= 0) {
                    throw Refusal.failed("gave up: Redis at " + address + " was not there within "
                            + TerminalNarrator.text(limit) + because(address));
                }
                if (!told && (!address.obstacle().isEmpty() || System.nanoTime() - sayAnyway >= 0)) {
                    told = true;
                    narrator.waiting(address, because(address), limit);
                }
            }
            return true;
        } catch (SluiceException refused) {
            throw Refusal.failed(address + ": " + refused.getMessage());
        }
    }

    static boolean mayPass(Throwable failure) {
        return failure instanceof SluiceException known && known.retryable();
    }

    private void drain(Dispatcher dispatcher, Results results, Sluice sluice) {
        boolean inVain = signals.exitCode() != 0; // its Redis is gone
        Duration grace = inVain ? Duration.ZERO : settings.shutdownGrace();
        int before = results.handedBack();
        long limitNanos = System.nanoTime() + grace.plus(TIME_TO_HAND_BACK).toNanos();
        AtomicLong ended = new AtomicLong();
        CompletableFuture<Void> stopped =
                Waiting.begin(dispatcher.stop(grace).doOnSuccess(done -> ended.set(System.nanoTime())));
        narrator.stopping(grace); // may wait for whoever reads it, which must hold up no stop
        // Who looks late must not take for handed back what the dispatcher gave up meanwhile.
        boolean inTime = Waiting.endsWithin(stopped, Duration.ofNanos(limitNanos - System.nanoTime()))
                && ended.get() - limitNanos <= 0;
        results.flush();
        if (inVain || (inTime && results.adrift() == 0)) {
            int handedBack = results.handedBack() - before;
            boolean kept = settings.redis() != null || settings.data() != null;
            narrator.stopped(kept || inVain ? handedBack : Math.max(handedBack, left(sluice)), kept);
        } else {
            narrator.stoppedWithoutRedis();
            signals.stop(1);
        }
    }

    // With a Redis that keeps nothing goes also what nobody had begun.
    private int left(Sluice sluice) {
        AtomicLong tasks = new AtomicLong();
        Mono<Void> counted = Flux.fromIterable(settings.queues())
                .flatMap(served -> sluice.queue(served.queue().name()).onErrorComplete())
                .doOnNext(queue -> tasks.addAndGet(queue.waiting() + queue.delayed()))
                .then();
        Waiting.endsWithin(Waiting.begin(counted), TIME_TO_COUNT);
        return Math.toIntExact(tasks.get());
    }

    private String because(RedisAddress address) {
        String unreached = address.obstacle();
        String why = unreached.isEmpty() ? obstacle : unreached;
        return why == null ? "" : " (" + why + ")";
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
