package dev.sluice.app.serve;

import dev.sluice.app.config.Settings;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.TaskContext;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.task.Verdict;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The task types that need no code of the user's, those of {@link Settings#BUILT_IN_TYPES}:
 *
 * <ul>
 *   <li>{@code echo}: succeeds with its payload
 *   <li>{@code noop}: succeeds
 *   <li>{@code sleep}, {@code {"ms":250}}: succeeds after that time, holding a slot but no thread; from 5 s on it tells its
 *       progress each tenth
 *   <li>{@code fail}, {@code {"message":"...","times":2}}: fails its first attempts, all of them without {@code times}
 * </ul>
 */
final class BuiltInTypes {
    private static final Duration LONGEST_SLEEP = Duration.ofDays(1);
    private static final Duration WORTH_TELLING = Duration.ofSeconds(5);

    private final TaskLog log;
    private final Predicate<TaskContext<?>> quiet;

    /** {@code quiet} takes note of a task that needs no line, and answers whether it is one. */
    BuiltInTypes(TaskLog log, Predicate<TaskContext<?>> quiet) {
        this.log = log;
        this.quiet = quiet;
    }

    Dispatcher register(Dispatcher dispatcher) {
        return dispatcher
                .handler(
                        "echo",
                        byte[].class,
                        context -> observed(context, text(context.payload()), Mono.justOrEmpty(context.payload())))
                .handler("noop", Void.class, context -> observed(context, null, Mono.empty()))
                .handler("sleep", Sleep.class, context -> observed(context, null, sleep(context)))
                .handler("fail", Failing.class, context -> observed(context, null, fail(context)));
    }

    /** A handler of the user's, told of in the same way. */
    <T> TaskHandler<T> observed(TaskHandler<T> handler) {
        return context -> observed(context, null, Mono.defer(() -> called(handler, context)));
    }

    private static <T> Mono<?> called(TaskHandler<T> handler, TaskContext<T> context) {
        try {
            return handler.handle(context);
        } catch (Exception e) {
            return Mono.error(e);
        }
    }

    private <R> Mono<R> observed(TaskContext<?> context, @Nullable String detail, Mono<R> work) {
        if (quiet.test(context)) {
            return work;
        }
        return Mono.defer(() -> {
            long began = System.nanoTime();
            return work.doOnSuccess(value -> tell(context, began, outcome(value), detail))
                    .doOnError(failure -> tell(context, began, "failed", failure.getMessage()))
                    .doOnCancel(() -> tell(context, began, "interrupted", null));
        });
    }

    private static String outcome(@Nullable Object emitted) {
        return emitted instanceof Verdict chosen ? chosen.target().word() : "succeeded";
    }

    private void tell(TaskContext<?> context, long began, String outcome, @Nullable String detail) {
        log.ended(context.id(), context.type(), context.attempt(), System.nanoTime() - began, outcome, detail);
    }

    private static Mono<Void> sleep(TaskContext<Sleep> context) {
        Sleep wanted = context.payload();
        Duration time = Duration.ofMillis(wanted == null ? 0 : wanted.ms());
        if (time.isNegative() || time.compareTo(LONGEST_SLEEP) > 0) {
            return Mono.error(new IllegalArgumentException("\"ms\" must be 0 to 86400000, was " + time.toMillis()));
        }
        if (time.compareTo(WORTH_TELLING) < 0) {
            return Mono.delay(time).then();
        }
        return Flux.interval(time.dividedBy(10))
                .take(10)
                .doOnNext(tenths -> context.progress((int) (10 * tenths + 10)))
                .then();
    }

    private static Mono<Void> fail(TaskContext<Failing> context) {
        Failing wanted = context.payload();
        Integer times = wanted == null ? null : wanted.times();
        if (times != null && context.attempt() > times) {
            return Mono.empty();
        }
        String message = wanted == null ? null : wanted.message();
        return Mono.error(new AskedFor(message == null ? "failed as asked" : message));
    }

    private static String text(byte @Nullable [] json) {
        return json == null
                ? "null"
                : new String(json, 0, Math.min(json.length, TaskLog.LONGEST_DETAIL), StandardCharsets.UTF_8);
    }

    /** The payload of {@code sleep}. */
    record Sleep(long ms) {}

    /** The payload of {@code fail}. */
    record Failing(@Nullable String message, @Nullable Integer times) {}

    /** What {@code fail} fails with. */
    static final class AskedFor extends RuntimeException {
        private static final long serialVersionUID = 1L;

        AskedFor(String message) {
            super(message, null, false, false);
        }
    }
}
