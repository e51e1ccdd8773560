package dev.sluice.faults;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.faults.Event.Kind;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Mono;

/**
 * The handler and the observer of one worker: both write down what they see.
 *
 * <p>A task's payload says how many milliseconds it works: {@code "20"}; after a crash of its worker the second number,
 * if there is one: {@code "60000/5"}. {@code "never"} never ends.
 */
final class Journal implements TaskHandler<String>, Observer {
    private final String worker;
    private final Consumer<Event> sink;

    Journal(String worker, Consumer<Event> sink) {
        this.worker = worker;
        this.sink = sink;
    }

    @Override
    public Mono<?> handle(TaskContext<String> context) {
        String id = context.id();
        long fence = context.fencingNumber();
        write(Kind.STARTED, id, fence);
        return work(context)
                .doOnSuccess(done -> write(Kind.DONE, id, fence))
                .doOnCancel(() -> write(Kind.CANCELLED, id, fence));
    }

    private static Mono<Long> work(TaskContext<String> context) {
        String payload = String.valueOf(context.payload());
        if (payload.equals("never")) {
            return Mono.never();
        }
        String[] lives = payload.split("/", 2);
        return Mono.delay(Duration.ofMillis(Long.parseLong(lives[context.crashes() == 0 ? 0 : lives.length - 1])));
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

    private void write(Kind kind, String id, long fence) {
        sink.accept(Event.now(worker, kind, id, fence));
    }
}
