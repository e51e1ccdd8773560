package dev.sluice.app.command;

import dev.sluice.Sluice;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.app.console.Waiting;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.SluiceException;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** One conversation of a command with Redis, in which each answer is waited for and each failure is a {@link Refusal}. */
final class Session implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration LONGEST_WALK = Duration.ofDays(7);
    private static final Duration TIME_TO_DISCONNECT = Duration.ofSeconds(2);

    private final RedisAddress address;
    private final Sluice sluice;

    private Session(RedisAddress address, Sluice sluice) {
        this.address = address;
        this.sluice = sluice;
    }

    static Session with(RedisAddress address) {
        return new Session(address, Sluice.connect(address.url()));
    }

    /** Refuses what can be no name of a queue or id of a task, before anything is asked. */
    static void checkNames(String queue, List<String> ids) {
        try {
            Queue.named(queue);
            ids.forEach(TaskId::check);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    Sluice sluice() {
        return sluice;
    }

    /** The queue of this name; refuses one that nobody knows, so that no command makes a new one by looking. */
    QueueInfo known(String queue) throws InterruptedException {
        QueueInfo known = await(sluice.queue(queue));
        if (known == null) {
            throw unknown(queue);
        }
        return known;
    }

    static Refusal unknown(String queue) {
        return Refusal.failed("nobody has worked on a queue '" + queue + "' in this Redis yet");
    }

    /** A queue that may be a new one: as Redis has it, or as the options say, which is remarked upon. */
    Queue agreed(QueueOptions options, Queue wanted, Terminal terminal) throws InterruptedException {
        QueueInfo recorded = await(sluice.queue(wanted.name()));
        Queue agreed = options.agreed(wanted, recorded);
        if (recorded == null) {
            terminal.remark(
                    "Queue '" + agreed.name() + "' is new in this Redis: its statuses will be in '" + agreed.statusKey()
                            + "', its delivery is " + agreed.delivery().word() + ".");
        }
        return agreed;
    }

    /** What {@code work} emits within 30 s, or null if it is empty. */
    <T> @Nullable T await(Mono<T> work) throws InterruptedException {
        return await(work, PATIENCE);
    }

    /** Waits for the end of {@code work} on many tasks: up to 7 days. */
    void awaitAll(Flux<?> work) throws InterruptedException {
        await(work.then(), LONGEST_WALK);
    }

    /** What {@code work} emits, or null if it is empty. */
    <T> @Nullable T await(Mono<T> work, Duration limit) throws InterruptedException {
        Future<T> answer = work.toFuture();
        try {
            return answer.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw Refusal.failed(address + " did not answer within " + limit.toSeconds() + " s");
        } catch (ExecutionException e) {
            throw refusal(e.getCause());
        }
    }

    @Override
    public void close() {
        Waiting.endsWithin(Waiting.begin(sluice.close()), TIME_TO_DISCONNECT);
    }

    private RuntimeException refusal(@Nullable Throwable failure) {
        if (failure instanceof Refusal refusal) {
            return refusal;
        }
        if (failure instanceof InvalidTaskException || failure instanceof PayloadTooLargeException) {
            return Refusal.mistaken((SluiceException) failure);
        }
        if (failure instanceof SluiceException known) {
            return Refusal.failed(address + ": " + known.getMessage());
        }
        return failure instanceof RuntimeException unexpected ? unexpected : new IllegalStateException(failure);
    }
}
