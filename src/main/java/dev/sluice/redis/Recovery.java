package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import java.time.Duration;
import reactor.core.publisher.Mono;

/**
 * Takes the tasks of dispatcher incarnations back, slice by slice. A slice may be repeated when its outcome is unknown.
 *
 * @param crashLimit a task that crashed its dispatchers so often is dead
 * @param ends where it is told that a task has ended
 */
record Recovery(RedisLink link, QueueKeys keys, DeliveryMode delivery, int crashLimit, String ends, Duration deadline) {

    /** One slice of an incarnation whose lease lapsed; nothing if it is alive again. */
    Mono<RecoverReply> slice(String incarnation, String from, int atOnce) {
        return slice(incarnation, from, atOnce, 0);
    }

    /** All that is left of an incarnation that leaves by itself: nothing of that counts as a crash. */
    Mono<Void> leave(String incarnation, int atOnce) {
        return slice(incarnation, RecoverReply.FIRST, atOnce, 1)
                .expand(slice -> slice.more() ? slice(incarnation, slice.next(), atOnce, 1) : Mono.empty())
                .then();
    }

    private Mono<RecoverReply> slice(String incarnation, String from, int atOnce, int leaves) {
        return link.run(
                        Script.RECOVER,
                        keys.withClaimed(incarnation),
                        args -> args.add(incarnation)
                                .add(atOnce)
                                .add(crashLimit)
                                .add(leaves)
                                .add(ends)
                                .add(from)
                                .add(delivery.word()),
                        deadline)
                .map(RecoverReply::of);
    }
}
