package dev.sluice.app.serve;

import dev.sluice.Sluice;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Waiting;
import dev.sluice.client.Schedules;
import dev.sluice.observe.Observer;
import dev.sluice.task.Schedule;
import dev.sluice.task.ScheduleChange;
import dev.sluice.task.ScheduleConflictException;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.SluiceException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.util.retry.Retry;

/**
 * The schedules that a file declares. Whoever has a file says in it which schedules there are: what it once declared and does not any more is
 * removed. They are declared before the first task is taken, and again when a queue lost all it had.
 */
final class FileSchedules implements Observer {
    private static final Logger log = LoggerFactory.getLogger(FileSchedules.class);
    private static final Duration TIME_TO_TAKE_A_SCHEDULE = Duration.ofSeconds(10);
    private static final String OF_A_FILE = "yaml ";
    private static final Set<String> BY_HAND = Set.of("cli", "http"); // what somebody changed while it ran
    private static final Duration BEFORE_THE_NEXT_TRY = Duration.ofSeconds(10);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

    private final List<Settings.Served> queues;
    private final String origin;
    private final RedisAddress address;
    private final Narrator narrator;
    private final Disposable.Composite underWay = Disposables.composite();
    private volatile @Nullable Sluice declaredAt;

    FileSchedules(List<Settings.Served> queues, Path file, RedisAddress address, Narrator narrator) {
        this.queues = queues;
        this.origin = OF_A_FILE + file.toAbsolutePath().normalize();
        this.address = address;
        this.narrator = narrator;
    }

    /** Returns when they are; false if a stop was asked for before. */
    boolean areDeclared(Sluice sluice, BooleanSupplier isStopping) throws InterruptedException {
        Collection<Runnable> news = new ConcurrentLinkedQueue<>(); // told here: who prints waits for whoever reads it
        CompletableFuture<Void> declared = Waiting.begin(Flux.fromIterable(queues)
                .concatMap(served -> declare(sluice, served, news))
                .then());
        try {
            while (!Waiting.endsWithin(declared, LOOK_AGAIN)) {
                if (isStopping.getAsBoolean()) {
                    return false;
                }
            }
            declaredAt = sluice;
            return true;
        } catch (SluiceException refused) {
            throw Refusal.failed(address + ": " + refused.getMessage());
        } finally {
            news.forEach(Runnable::run);
        }
    }

    /** They are declared until Redis has taken them: nobody would do it later. */
    @Override
    public void emptied(String queue) {
        Sluice sluice = declaredAt;
        for (Settings.Served served : queues) {
            if (sluice != null
                    && served.queue().name().equals(queue)
                    && !served.schedules().isEmpty()) {
                Collection<Runnable> news = new ConcurrentLinkedQueue<>();
                Disposable.Swap handle = Disposables.swap();
                underWay.add(handle);
                handle.update(Mono.defer(() -> declare(sluice, served, news))
                        .retryWhen(Retry.fixedDelay(Long.MAX_VALUE, BEFORE_THE_NEXT_TRY)
                                .doBeforeRetry(failed -> tellOnce(queue, failed)))
                        .publishOn(Schedulers.boundedElastic()) // who prints may wait
                        .doFinally(end -> underWay.remove(handle))
                        .subscribe(nothing -> {}, failure -> tell(queue, failure), () -> news.forEach(Runnable::run)));
            }
        }
    }

    private static void tellOnce(String queue, Retry.RetrySignal failed) {
        if (failed.totalRetries() == 0) {
            tell(queue, failed.failure());
        }
    }

    private static void tell(String queue, Throwable failure) {
        log.atWarn()
                .addKeyValue("queue", queue)
                .addKeyValue("reason", failure.getMessage())
                .log("The schedules of the file cannot be declared again; it is tried on");
    }

    /** Declares nothing any more. */
    void close() {
        underWay.dispose();
    }

    /** However many there are: what has a limit is the time in which none more is taken. */
    private Mono<Void> declare(Sluice sluice, Settings.Served served, Collection<Runnable> news) {
        String queue = served.queue().name();
        Schedules schedules = sluice.schedules(served.queue()).origin(origin);
        Set<String> taken = ConcurrentHashMap.newKeySet();
        Retry again = Retry.backoff(Long.MAX_VALUE, LOOK_AGAIN).filter(Service::mayPass);
        Flux<ScheduleInfo> all = schedules
                .all()
                .retryWhen(again)
                .timeout(
                        TIME_TO_TAKE_A_SCHEDULE,
                        Flux.error(() -> Refusal.failed(address + " did not tell the schedules of queue " + queue
                                + " within " + TIME_TO_TAKE_A_SCHEDULE.toSeconds() + " s")));
        return schedules
                .declare(served.schedules(), BY_HAND)
                .retryWhen(again)
                .filter(change -> taken.add(change.name()))
                .timeout(
                        TIME_TO_TAKE_A_SCHEDULE,
                        Flux.error(() -> Refusal.failed(address + " did not take " + missing(served, taken))))
                .filter(change -> change.outcome() != ScheduleChange.Outcome.UNCHANGED)
                .doOnNext(change -> news.add(() -> narrator.schedule(queue, change)))
                .thenMany(all)
                .filter(it -> it.origin().startsWith(OF_A_FILE) && !it.origin().equals(origin))
                .doOnNext(it -> news.add(() ->
                        narrator.foreignSchedule(queue, it.name(), it.origin().substring(OF_A_FILE.length()))))
                .then()
                .onErrorMap(
                        ScheduleConflictException.class,
                        conflict -> Refusal.failed(
                                conflict.getMessage() + "; to have the one of this file, run 'schedules rm " + queue
                                        + " " + conflict.schedule() + "' first"));
    }

    private static String missing(Settings.Served served, Set<String> taken) {
        List<String> names = served.schedules().stream().map(Schedule::name).toList();
        String one = names.stream()
                .filter(name -> !taken.contains(name))
                .findFirst()
                .map(name -> "schedule '" + name + "'")
                .orElse("that other schedules are declared no more");
        long before = names.stream().filter(taken::contains).count();
        return one + " of queue " + served.queue().name() + " within " + TIME_TO_TAKE_A_SCHEDULE.toSeconds()
                + " s, after " + before + " of " + names.size();
    }
}
