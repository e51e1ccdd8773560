package dev.sluice.redis;

import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** The version this code speaks, and the handshake by which a queue's participants agree on it. */
final class Protocol {
    static final int VERSION = 1;

    private final Queue queue;
    private final QueueKeys keys;

    Protocol(Queue queue, QueueKeys keys) {
        this.queue = queue;
        this.keys = keys;
    }

    /**
     * Joins as {@code incarnation}, or only checks if that is empty. Fails with {@link StoreRefusedException} on a conflict.
     */
    Mono<Joined> join(RedisLink link, String incarnation, Duration lease, Duration deadline) {
        return link.run(
                        Script.JOIN,
                        incarnation.isEmpty() ? keys.withStatusOwner() : keys.withStatusOwner(incarnation),
                        args -> args.add(incarnation)
                                .add(lease.toMillis())
                                .add(VERSION)
                                .add(queue.delivery().word())
                                .add(queue.statusKey().getBytes(StandardCharsets.UTF_8)),
                        deadline)
                .flatMap(reply -> reply.number(0) == 0
                        ? Mono.just(new Joined(reply.number(1) == 1, reply.number(2), reply.number(3)))
                        : Mono.error(conflict(reply)));
    }

    private StoreRefusedException conflict(Reply reply) {
        String stored = reply.text(2);
        String message = switch (reply.text(1)) {
            case "protocol" ->
                "Queue '%s' is run with protocol version %s and this is version %d: use the same release."
                        .formatted(queue.name(), stored, VERSION);
            case "delivery" ->
                "Queue '%s' is run with delivery %s and this side is set to %s: set the same on both."
                        .formatted(queue.name(), stored, queue.delivery().word());
            case "status-owner" ->
                "Status key '%s' is that of queue '%s', and two queues must not share one: choose another. If that queue is gone for good: DEL %s"
                        .formatted(queue.statusKey(), stored, keys.statusOwner());
            default ->
                "Queue '%s' keeps its statuses in '%s' and this side is set to '%s': set the same on both."
                        .formatted(queue.name(), stored, queue.statusKey());
        };
        return new StoreRefusedException(reply.text(1), message, null);
    }
}
