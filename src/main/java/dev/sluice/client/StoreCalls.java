package dev.sluice.client;

import dev.sluice.redis.CancelReply;
import dev.sluice.redis.Dues;
import dev.sluice.redis.EnqueueReply;
import dev.sluice.redis.LookReply;
import dev.sluice.redis.ProducerStore;
import dev.sluice.task.QueueDrainingException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.TaskState;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/**
 * Calls to one queue in Redis, each after the introduction: the check, before anything else is said, that this side and
 * the queue agree on version, delivery mode and status key.
 *
 * <p>The introduction happens with the first call and is remembered once it succeeded; calls that come meanwhile share
 * it. While it fails every call fails with its error, and the next one tries again.
 */
final class StoreCalls implements EnqueueCalls {
    private static final Duration FOR_EVER = Duration.ofMillis(Long.MAX_VALUE);

    private final ProducerStore store;
    private final long maxQueueLength;
    private final Mono<Void> introduction;
    private volatile boolean introduced;

    StoreCalls(ProducerStore store, long maxQueueLength) {
        this.store = store;
        this.maxQueueLength = maxQueueLength;
        this.introduction = store.introduce()
                .doOnSuccess(agreed -> introduced = true)
                .cache(never -> FOR_EVER, error -> Duration.ZERO, () -> FOR_EVER);
    }

    @Override
    public Mono<Outcomes> send(List<String> ids, List<byte[]> frames, Dues dues) {
        return afterIntroduction(() -> store.enqueue(ids, frames, dues, maxQueueLength))
                .map(Answered::new);
    }

    Mono<TaskState> status(String id) {
        return afterIntroduction(() -> store.status(id));
    }

    Mono<LookReply> look(List<String> ids) {
        return afterIntroduction(() -> store.look(ids));
    }

    Mono<CancelReply> cancel(String id) {
        return afterIntroduction(() -> store.cancel(id));
    }

    Mono<Boolean> pause(boolean paused) {
        return afterIntroduction(() -> store.pause(paused));
    }

    Mono<Boolean> drain() {
        return afterIntroduction(store::drain);
    }

    Mono<Long> haveMovesTold(Duration period) {
        return afterIntroduction(() -> store.haveMovesTold(period));
    }

    <T> Mono<T> afterIntroduction(Supplier<Mono<T>> call) {
        Mono<T> answer = introduced ? call.get() : introduction.then(Mono.defer(call));
        return answer.onErrorMap(error -> !(error instanceof SluiceException), StoreCalls::unexpected);
    }

    /** Whatever else went wrong with an answer, the call was sent: its outcome is unknown. */
    private static StoreUnavailableException unexpected(Throwable error) {
        return new StoreUnavailableException("the answer of Redis could not be read: " + error, error);
    }

    private EnqueueResult result(String id, EnqueueReply.Fate fate) {
        return switch (fate) {
            case CREATED -> EnqueueResult.of(id, EnqueueResult.Outcome.CREATED);
            case EXISTING -> EnqueueResult.of(id, EnqueueResult.Outcome.EXISTING);
            case FULL -> EnqueueResult.of(id, EnqueueResult.Outcome.FULL);
            case CLOSED ->
                EnqueueResult.failed(
                        id, new QueueDrainingException(store.queue().name()));
        };
    }

    private final class Answered implements Outcomes {
        private final EnqueueReply reply;

        Answered(EnqueueReply reply) {
            this.reply = reply;
        }

        @Override
        public EnqueueResult of(String id, int index) {
            return result(id, reply.fate(index));
        }

        @Override
        public long told() {
            return reply.told();
        }
    }
}
