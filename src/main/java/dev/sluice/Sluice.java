package dev.sluice;

import dev.sluice.client.ClientOptions;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.observe.MicrometerObserver;
import dev.sluice.observe.Observer;
import dev.sluice.redis.Doctor;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Queue;
import dev.sluice.upkeep.Upkeep;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.resource.ClientResources;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * A connection to one Redis, and the place where clients and dispatchers come from.
 *
 * <p>Creating one connects to nothing; the first command does. What it hands out shares its connections for commands, so
 * one instance for each Redis and process is enough. {@link #close} closes what this class created and nothing else: a
 * Lettuce client, resources or a meter registry that the caller brought stay open. Thread-safe.
 */
public final class Sluice {
    private final RedisLinks links;
    private final PayloadCodec codec;
    private final Observer observer;

    private Sluice(RedisLinks links, PayloadCodec codec, Observer observer) {
        this.links = links;
        this.codec = codec;
        this.observer = observer;
    }

    /**
     * The Redis at {@code uri}, such as {@code redis://:password@localhost:6379/0} or {@code redis-sentinel://…}, with the
     * defaults.
     *
     * @throws IllegalArgumentException if that is no Redis URI
     */
    public static Sluice connect(String uri) {
        return builder().uri(uri).build();
    }

    /** What differs from the defaults. */
    public static Builder builder() {
        return new Builder();
    }

    /** A client that puts tasks into {@code queue}. */
    public TaskClient client(Queue queue) {
        return client(queue, ClientOptions.defaults());
    }

    /** A client that puts tasks into {@code queue}, with options of its own. */
    public TaskClient client(Queue queue, ClientOptions options) {
        return TaskClient.over(links.producer(queue), queue, codec, options);
    }

    /** Begins a dispatcher: add queues, build it, register handlers, start it. */
    public Dispatcher.Builder dispatcher() {
        return Dispatcher.over(
                links,
                codec,
                observer,
                (queue, lease, crashLimit) ->
                        new Upkeep(links.upkeep(queue, crashLimit), observer, queue.name(), lease).run());
    }

    /** A dispatcher of one queue with the standard settings. */
    public Dispatcher dispatcher(Queue queue) {
        return dispatcher().queue(queue).build();
    }

    /** Checks the stored invariants of a queue without changing anything; see {@link Doctor} for what it can tell. */
    public Mono<Doctor.Diagnosis> examine(Queue queue) {
        return links.doctor(queue).examine();
    }

    /**
     * Closes the connections, and the Lettuce client if it was made here. Stop dispatchers first: their running tasks
     * would otherwise wait for another dispatcher to recover them.
     *
     * <p>Cold. Completes within about 2 s when every socket and thread of its own is gone; never fails.
     */
    public Mono<Void> close() {
        return links.close();
    }

    /** Collects what differs from the defaults. Not thread-safe. */
    public static final class Builder {
        private @Nullable RedisURI uri;
        private @Nullable RedisClient client;
        private @Nullable ClientResources resources;
        private PayloadCodec codec = JsonCodec.standard();
        private Observer observer = Observer.none();

        private Builder() {}

        /** Where Redis is; default {@code redis://localhost:6379}. */
        public Builder uri(String redis) {
            return uri(RedisURI.create(redis));
        }

        /** Where Redis is, with all that a Lettuce URI can say. */
        public Builder uri(RedisURI redis) {
            uri = Objects.requireNonNull(redis, "redis");
            return this;
        }

        /**
         * Connects through a Lettuce client of the caller's, which stays open; needs {@link #uri}, too. Its options apply to these connections,
         * too; {@code DisconnectedBehavior.REJECT_COMMANDS} is what suits them.
         */
        public Builder redisClient(RedisClient callers) {
            client = Objects.requireNonNull(callers, "callers");
            return this;
        }

        /** Runs on threads of the caller's, which stay open; without effect beside {@link #redisClient}. */
        public Builder clientResources(ClientResources callers) {
            resources = Objects.requireNonNull(callers, "callers");
            return this;
        }

        /** How payloads become bytes; default JSON through Jackson, at most 256 KiB. */
        public Builder codec(PayloadCodec payloads) {
            codec = Objects.requireNonNull(payloads, "payloads");
            return this;
        }

        /** Who is told what happens; default nobody. */
        public Builder observer(Observer listener) {
            observer = listener.guarded();
            return this;
        }

        /** Keeps meters in the caller's registry, which stays open. */
        public Builder meterRegistry(MeterRegistry callers) {
            return observer(MicrometerObserver.of(callers));
        }

        /** The front door; connects to nothing yet. */
        public Sluice build() {
            RedisClient borrowed = client;
            RedisURI named = uri;
            if (borrowed != null && named == null) {
                throw new IllegalStateException(
                        "name the uri beside redisClient: a Lettuce client does not tell its own");
            }
            RedisURI redis = named == null ? RedisURI.create("redis://localhost:6379") : named;
            RedisLinks links =
                    borrowed == null ? RedisLinks.own(redis, resources) : RedisLinks.borrowed(borrowed, redis);
            return new Sluice(links, codec, observer);
        }
    }
}
