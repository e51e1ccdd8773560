package dev.sluice.client;

import dev.sluice.task.Durability;
import dev.sluice.task.InvalidTaskException;
import java.util.Objects;

/**
 * The settings of a {@link TaskClient}. Immutable.
 *
 * <p>The longest payload is a setting of the codec, because dispatchers keep to it too: see
 * {@link dev.sluice.codec.JsonCodec#withLimit}.
 */
public final class ClientOptions {
    private static final ClientOptions DEFAULTS = builder().build();

    private final long maxQueueLength;
    private final int maxWaiting;
    private final Durability durability;
    private final boolean enqueuedAt;

    private ClientOptions(Builder builder) {
        this.maxQueueLength = builder.maxQueueLength;
        this.maxWaiting = builder.maxWaiting;
        this.durability = builder.durability;
        this.enqueuedAt = builder.enqueuedAt;
    }

    /** Every setting at its default. */
    public static ClientOptions defaults() {
        return DEFAULTS;
    }

    /** A builder with every setting at its default. */
    public static Builder builder() {
        return new Builder();
    }

    /** A builder with these settings. */
    public Builder toBuilder() {
        return builder()
                .maxQueueLength(maxQueueLength)
                .maxWaiting(maxWaiting)
                .durability(durability)
                .enqueuedAt(enqueuedAt);
    }

    /** See {@link Builder#maxQueueLength}. */
    public long maxQueueLength() {
        return maxQueueLength;
    }

    /** See {@link Builder#maxWaiting}. */
    public int maxWaiting() {
        return maxWaiting;
    }

    /** See {@link Builder#durability}. */
    public Durability durability() {
        return durability;
    }

    /** See {@link Builder#enqueuedAt}. */
    public boolean enqueuedAt() {
        return enqueuedAt;
    }

    /** Collects settings; each setter checks its value at once. */
    public static final class Builder {
        private long maxQueueLength;
        private int maxWaiting = 16_384;
        private Durability durability = Durability.memory();
        private boolean enqueuedAt = true;

        private Builder() {}

        /**
         * Refuses tasks, with {@link EnqueueResult.Outcome#FULL}, while this many wait in the queue. Counts the tasks that
         * are ready to run, whoever enqueued them, not those that are running or scheduled.
         *
         * @param tasks default 0, which means no limit but Redis' memory
         * @throws InvalidTaskException if negative
         */
        public Builder maxQueueLength(long tasks) {
            if (tasks < 0) {
                throw new InvalidTaskException(
                        "maxQueueLength", "maxQueueLength must be at least 0 tasks, was " + tasks);
            }
            maxQueueLength = tasks;
            return this;
        }

        /**
         * How many tasks, alone or in a list ({@code enqueue}), may wait in memory for their turn to be sent; together they
         * never hold more than 64 MiB. Beyond that {@link TaskClient#enqueue(dev.sluice.task.Task)} fails with
         * {@link dev.sluice.task.QueueFullException}, and of a list only the tasks beyond it do. No effect on {@link TaskClient#enqueueAll}.
         *
         * @param tasks at least 1, default 16384
         * @throws InvalidTaskException if below 1
         */
        public Builder maxWaiting(int tasks) {
            if (tasks < 1) {
                throw new InvalidTaskException("maxWaiting", "maxWaiting must be at least 1 task, was " + tasks);
            }
            maxWaiting = tasks;
            return this;
        }

        /**
         * What must have happened to a task before {@code CREATED} or {@code EXISTING} is answered; default
         * {@link Durability#memory}. For some tasks only: {@link TaskClient#with}.
         */
        public Builder durability(Durability required) {
            durability = Objects.requireNonNull(required, "required");
            return this;
        }

        /**
         * Whether each task says since when it waits, by this machine's clock: its enqueue, or the time it is put off to.
         * Nothing decides by it; without it a task is not in {@code sluice.queueing} and {@code sluice.end.to.end}, and the
         * age of the oldest waiting task does not know it. Costs 27 bytes a task.
         *
         * @param written default true
         */
        public Builder enqueuedAt(boolean written) {
            enqueuedAt = written;
            return this;
        }

        /** The settings. */
        public ClientOptions build() {
            return new ClientOptions(this);
        }
    }
}
