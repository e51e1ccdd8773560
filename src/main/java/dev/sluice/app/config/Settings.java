package dev.sluice.app.config;

import dev.sluice.dispatch.QueueSettings;
import dev.sluice.http.Role;
import dev.sluice.http.TlsIdentity;
import dev.sluice.push.PushTarget;
import dev.sluice.redis.RedisUrl;
import dev.sluice.task.Queue;
import dev.sluice.task.Schedule;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What {@code run} runs with. Every value is within its range.
 *
 * @param redis the Redis to use; null = an embedded one
 * @param data where the embedded Redis keeps its tasks; null = nowhere
 * @param connectTimeout how long to wait for Redis at the start
 * @param lease see {@code Dispatcher.Builder.lease}
 * @param crashLimit see {@code Dispatcher.Builder.crashLimit}
 * @param shutdownGrace how long running tasks may take to finish at a stop
 * @param logFormat how events are written
 * @param http how HTTP is answered; null = not at all
 * @param queues what is served, at least one, in the order of the file
 * @param pushes type → where its tasks are delivered, in the order of the file
 */
public record Settings(
        @Nullable RedisUrl redis,
        @Nullable Path data,
        Duration connectTimeout,
        Duration lease,
        int crashLimit,
        Duration shutdownGrace,
        LogFormat logFormat,
        @Nullable Http http,
        List<Served> queues,
        Map<String, PushTarget> pushes) {

    /** The task types that have a handler without a word. */
    public static final Set<String> BUILT_IN_TYPES = Set.of("echo", "noop", "sleep", "fail");

    /** The same, with the collections copied. */
    public Settings {
        queues = List.copyOf(queues);
        pushes = Collections.unmodifiableMap(new LinkedHashMap<>(pushes));
    }

    /**
     * How HTTP is answered.
     *
     * @param bind where, not resolved yet
     * @param anonymous see {@code HttpApi.listen}
     * @param tokens those of each role, perhaps none
     * @param identity what is shown over TLS; null = it is HTTP without
     * @param maxQueueLength see {@code ClientOptions.Builder.maxQueueLength}
     */
    public record Http(
            InetSocketAddress bind,
            boolean anonymous,
            Map<Role, List<String>> tokens,
            @Nullable TlsIdentity identity,
            int maxQueueLength) {

        /** Copies the tokens. */
        public Http {
            tokens = Map.copyOf(tokens);
        }

        /** Where and how; never a token. */
        @Override
        public String toString() {
            return "Http[" + bind + ", anonymous " + anonymous + "]";
        }
    }

    /**
     * A queue and how it is consumed.
     *
     * @param schedules what is declared for it, in the order of the file
     */
    public record Served(Queue queue, QueueSettings settings, List<Schedule> schedules) {

        /** The same, with the schedules copied. */
        public Served {
            schedules = List.copyOf(schedules);
        }

        /** One without schedules. */
        public Served(Queue queue, QueueSettings settings) {
            this(queue, settings, List.of());
        }
    }
}
