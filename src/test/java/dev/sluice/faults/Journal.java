package dev.sluice.faults;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.faults.Event.Kind;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Verdict;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/**
 * The handler and the observer of one worker: both write down what they see.
 *
 * <p>A task's payload says how many milliseconds it works: {@code "20"}; after a crash of its worker the second number,
 * if there is one: {@code "60000/5"}. {@code "never"} never ends. How it ends stands before: {@code "fail:20"}, or
 * {@code retry}, {@code snooze}, {@code discard}, {@code dead}, or {@code halt}, which ends the process of its worker: only in one of its
 * own is it {@link #mortal} and does so. One such step for each claim, the last for all that follow:
 * {@code "fail:20;snooze:5;20"}. A number behind an {@code @} tells offers of one id apart, and stands in the journal. The
 * value of a task that ends well names the run: {@code "t1@1#3"}. A run says at once that it is as far as its number in percent, if its worker {@link #telling tells}.
 */
final class Journal implements TaskHandler<String>, Observer, StallWatch.Noted {
    static final Duration WAIT = Duration.ofMillis(40);

    private final String worker;
    private final Consumer<Event> sink;
    private final boolean tells;
    private final Runnable halt;

    /** One that reports no progress: that is a call to Redis for each run, and who measures times has 20,000 of them at once. */
    Journal(String worker, Consumer<Event> sink) {
        this(worker, sink, false, Journal::stayAlive);
    }

    private Journal(String worker, Consumer<Event> sink, boolean tells, Runnable halt) {
        this.worker = worker;
        this.sink = sink;
        this.tells = tells;
        this.halt = halt;
    }

    static Journal telling(String worker, Consumer<Event> sink) {
        return new Journal(worker, sink, true, Journal::stayAlive);
    }

    private static void stayAlive() {
        throw new UnsupportedOperationException("this process is everybody's");
    }

    /** The same, whose process is its worker's alone: a task may end it by {@code halt}. */
    Journal mortal(Runnable halt) {
        return new Journal(worker, sink, tells, halt);
    }

    @Override
    public Mono<?> handle(TaskContext<String> context) {
        String[] payload = String.valueOf(context.payload()).split("(?=@)", 2);
        String id = context.id() + (payload.length > 1 ? payload[1] : "");
        long fence = context.fencingNumber();
        String[] steps = payload[0].split(";", -1);
        String[] step = steps[(int) Math.min(fence, steps.length) - 1].split(":", 2);
        write(Kind.STARTED, id, fence);
        write(Kind.TOLD, valueOf(id, fence), context.crashes());
        if (tells) {
            context.progress((int) Math.min(fence, 100));
        }
        return work(step[step.length - 1], context)
                .then(ending(step[0], id, fence))
                .doOnCancel(() -> write(Kind.CANCELLED, id, fence));
    }

    private static Mono<?> work(String ms, TaskContext<String> context) {
        if (ms.equals("never")) {
            return Mono.never();
        }
        String[] lives = ms.split("/", 2);
        return Mono.delay(Duration.ofMillis(Long.parseLong(lives[context.crashes() == 0 ? 0 : lives.length - 1])));
    }

    /** Writes down what it will say before it says it. */
    private Mono<?> ending(String verb, String id, long fence) {
        return Mono.<Object>fromCallable(() -> switch (verb) {
            case "retry" -> said(Kind.RETRIED, id, fence, Verdict.retry(WAIT, "again"));
            case "snooze" -> said(Kind.SNOOZED, id, fence, Verdict.snooze(WAIT));
            case "discard" -> said(Kind.DISCARDED, id, fence, Verdict.discarded());
            case "dead" -> said(Kind.GIVEN_UP, id, fence, Verdict.dead("no more"));
            case "fail" -> {
                write(Kind.FAILED, id, fence);
                throw new IllegalStateException("as its payload says");
            }
            case "halt" -> {
                halt.run();
                throw new IllegalStateException("it lives on");
            }
            default -> said(Kind.DONE, id, fence, valueOf(id, fence));
        });
    }

    static String valueOf(String id, long fence) {
        return id + "#" + fence;
    }

    private Object said(Kind kind, String id, long fence, Object emitted) {
        write(kind, id, fence);
        return emitted;
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        if (outcome == Outcome.SUCCEEDED) {
            write(Kind.SUCCEEDED, "-", count);
        }
    }

    @Override
    public void fenced(String queue, int count) {
        write(Kind.FENCED, "-", count);
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        write(lapsed ? Kind.LAPSED : Kind.REJOINED, "-", 1);
    }

    @Override
    public void link(String role, boolean up) {
        write(up ? Kind.MENDED : Kind.CUT, "-", 1);
    }

    @Override
    public void stall(long fromNanos, long toNanos) {
        sink.accept(new Event(worker, toNanos, Kind.STALLED, "-", toNanos - fromNanos));
    }

    private void write(Kind kind, String id, long fence) {
        sink.accept(Event.now(worker, kind, id, fence));
    }
}
