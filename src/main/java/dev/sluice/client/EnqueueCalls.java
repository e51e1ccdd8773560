package dev.sluice.client;

import dev.sluice.redis.Dues;
import java.util.List;
import reactor.core.publisher.Mono;

/** The way to the store for a batch: one call, which is safe to repeat. A seam, so that tests need no Redis. */
@FunctionalInterface
interface EnqueueCalls {
    /** The most tasks in one call. */
    int MAX_TASKS = dev.sluice.redis.ProducerStore.MAX_BATCH;

    /** A call is closed when its frames have reached this many bytes; the last one may go beyond. */
    int MAX_BYTES = 1024 * 1024;

    /** The most calls on the way at a time: enough to keep Redis busy while answers travel. */
    int MAX_IN_FLIGHT = 4;

    /** With this many calls on the way, one that is not full waits: by the time one returns it will be fuller. */
    int EAGER_IN_FLIGHT = 2;

    /** Sends one call; emits the outcomes by place, or fails with a {@link dev.sluice.task.SluiceException}. */
    Mono<Outcomes> send(List<String> ids, List<byte[]> frames, Dues dues);

    /** What became of the tasks of one call. */
    @FunctionalInterface
    interface Outcomes {
        /** What became of the task {@code id}, which was at {@code index} of the call, from 0. */
        EnqueueResult of(String id, int index);

        /** How many messages had told of ends when the call was executed. */
        default long told() {
            return 0;
        }
    }
}
