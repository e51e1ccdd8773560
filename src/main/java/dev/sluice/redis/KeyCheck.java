package dev.sluice.redis;

import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.List;
import java.util.function.ObjLongConsumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * The doctor's look at the keys of a queue as such: their types, who of them expires and who does not, and how many tokens
 * the doorbell holds.
 */
final class KeyCheck {
    /** In the order of {@link QueueKeys#forRepair}. */
    private static final List<String> TYPES = List.of(
            "list", // the plain one
            "list", // ready
            "hash", // status
            "list", // wake
            "zset", // dispatchers
            "zset", // delayed
            "hash", // bodies
            "zset", // dead
            "hash", // dead:bodies
            "hash", // meta
            "zset", // late
            "list", // suspects
            "set", // cancelling
            "hash", // cancelled
            "hash", // progress
            "hash", // claimed, of each dispatcher
            "hash", // schedules
            "zset", // schedules:due
            "hash"); // schedules:bodies

    private static final int CLAIMED = 15;
    private static final int AT_ONCE = 64;
    private static final long NEVER = -1;

    private final RedisLink link;
    private final QueueKeys keys;
    private final Pages pages;
    private final Duration deadline;

    KeyCheck(RedisLink link, Queue queue, Pages pages, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.pages = pages;
        this.deadline = deadline;
    }

    /** What no script of the queue could work with: if there is one, nothing else is to be looked at. */
    Flux<Finding> wrongTypes() {
        return all().concatMap(one -> type(one.key, TYPES.get(one.index)))
                .concatWith(Flux.defer(() -> type(Pages.bytes(keys.statusOwner()), "string")));
    }

    /** Notes what looks wrong with keys of the right types; each is looked at again. */
    Mono<Void> check(Examination seen) {
        return all().concatMap(one -> timeToLive(one.key, (key, ttl) -> {
                    if (ttl >= 0) {
                        String index = String.valueOf(one.index + 1); // as a script counts them
                        String detail = "in " + Duration.ofMillis(ttl);
                        seen.note(new Suspect(Kind.KEY_EXPIRES, one.incarnation, key, index, "", detail));
                    }
                }))
                .then(bell(seen))
                .thenMany(Flux.fromIterable(keys.patternsOfTheFleeting()))
                .concatMap(pages::keys)
                .concatMapIterable(some -> some)
                .flatMap(
                        fleeting -> timeToLive(Pages.bytes(fleeting), (key, ttl) -> {
                            if (ttl == NEVER) {
                                seen.suspect(Kind.NEVER_EXPIRES, key, "", "", "it has no time to live");
                            }
                        }),
                        AT_ONCE)
                .then();
    }

    private Mono<Void> bell(Examination seen) {
        byte[] wake = keys.wake();
        return link.command(CommandType.LLEN, args -> args.addKey(wake), deadline)
                .filter(reply -> reply.number(0) > 1)
                .doOnNext(reply -> seen.suspect(
                        Kind.BELL_TOKENS, Pages.latin(wake), "", "", reply.number(0) + " in the place of 1"))
                .then();
    }

    private Mono<Void> timeToLive(byte[] key, ObjLongConsumer<String> look) {
        return link.command(CommandType.PTTL, args -> args.addKey(key), deadline)
                .doOnNext(reply -> look.accept(Pages.latin(key), reply.number(0)))
                .then();
    }

    private Mono<Finding> type(byte[] key, String wanted) {
        return link.command(CommandType.TYPE, args -> args.addKey(key), deadline)
                .map(reply -> reply.text(0))
                .filter(is -> !is.equals("none") && !is.equals(wanted))
                .map(is -> new Finding(
                        Kind.WRONG_TYPE, Pages.shown(Pages.latin(key)), "a " + is + " and no " + wanted, false));
    }

    /** Every key of the queue that lasts, with the claimed hashes of all dispatchers. */
    private Flux<One> all() {
        byte[][] common = keys.forRepair("-");
        return Flux.range(0, common.length)
                .filter(index -> index != CLAIMED)
                .map(index -> new One(common[index], index, "-"))
                .concatWith(pages.claimants()
                        .flatMapIterable(found -> found)
                        .map(incarnation -> new One(keys.claimed(incarnation), CLAIMED, incarnation)));
    }

    /** A key, its place in the order of {@link #TYPES}, and whose claimed hash it is, or {@code -}. */
    private static final class One {
        final byte[] key;
        final int index;
        final String incarnation;

        One(byte[] key, int index, String incarnation) {
            this.key = key;
            this.index = index;
            this.incarnation = incarnation;
        }
    }
}
