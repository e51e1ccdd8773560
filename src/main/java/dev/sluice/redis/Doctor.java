package dev.sluice.redis;

import dev.sluice.redis.Pages.What;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Checks the stored invariants of one queue, also while it is at work, and puts in order what is broken if asked to.
 *
 * <p><b>How can it be right about a queue that moves?</b> Every page that it reads is one instant: what contradicts itself
 * there is wrong, or a writer of several commands is between two of them. What only several pages can tell (a status whose
 * id is in no list, a body that nobody holds) is a suspicion: the lists and the claims are walked twice more for the
 * suspects alone. A list is read from its tail, so that what leaves its head hides nothing. In the end one small script
 * looks at each suspect again, and only what is still wrong is reported, or repaired in that same script.
 *
 * <p><b>How much does it take?</b> Steps of at most 256 elements and about a megabyte. In memory 16 to 32 bytes for each
 * id that waits or is claimed; beyond two million ids of a queue it walks over them in parts, one after the other.
 */
public final class Doctor {
    private static final int LOOKS = 0;
    private static final int REPAIRS = 1;
    private static final int LOOKS_LAST = 2;
    private static final int AT_ONCE = 256;
    private static final int LOOKS_AGAIN = 2;
    static final Duration A_MOMENT = Duration.ofMillis(250);
    private static final Duration LONG_AGO = Duration.ofMinutes(10); // and so in repair.lua
    private static final List<String> NUMBERS = List.of(
            "protocol",
            "lease",
            "shortest",
            "seen",
            "set-back",
            "turn",
            "duplicates",
            "made-ids",
            "bodiless",
            "late-statuses",
            "trimmed",
            "schedules",
            "born",
            "max-length",
            "cancels",
            "told",
            "results",
            "draining",
            "drained-foreign");

    private final RedisLink link;
    private final QueueKeys keys;
    private final Queue queue;
    private final boolean leased;
    private final Pages pages;
    private final ScheduleCheck schedules;
    private final KeyCheck theKeys;
    private final Duration deadline;
    private final Duration moment;

    /** Looks again at what it suspects after {@code moment}, and once more after another. */
    Doctor(RedisLink link, Queue queue, Duration deadline, Duration moment) {
        this.link = link;
        this.queue = queue;
        this.keys = new QueueKeys(queue);
        this.leased = queue.delivery() == DeliveryMode.AT_LEAST_ONCE;
        this.pages = new Pages(link, keys, deadline);
        this.schedules = new ScheduleCheck(link, queue, deadline);
        this.theKeys = new KeyCheck(link, queue, pages, deadline);
        this.deadline = deadline;
        this.moment = moment;
    }

    /** Examines the queue once. Cold; emits what it found and completes. Nothing is changed. */
    public Mono<Diagnosis> examine() {
        return Mono.defer(() -> examine(false));
    }

    /** The same, and repairs what it can of what it found. Cold; cancelling leaves done what is done. */
    public Mono<Diagnosis> repair() {
        return Mono.defer(() -> examine(true));
    }

    private Mono<Diagnosis> examine(boolean repairs) {
        Outcome outcome = new Outcome(repairs);
        return theKeys.wrongTypes()
                .doOnNext(outcome.found::add)
                .then(Mono.defer(() -> outcome.found.isEmpty() ? wellTyped(outcome) : Mono.empty()))
                .then(Mono.fromSupplier(outcome::diagnosis));
    }

    private Mono<Void> wellTyped(Outcome outcome) {
        return sizes().flatMap(sizes -> {
            long waiting = sizes.get(0) + sizes.get(1) + sizes.get(2);
            outcome.liveTasks = waiting + sizes.get(3) + sizes.get(4);
            int parts = (int) (Math.max(waiting, sizes.get(3)) / Examination.IDS_OF_A_PART) + 1;
            return Flux.range(0, parts)
                    .concatMap(part -> examine(new Examination(part, parts, leased), part == 0, outcome), 1)
                    .then();
        });
    }

    private Mono<Void> examine(Examination seen, boolean first, Outcome outcome) {
        return (first
                        ? meta(seen, outcome)
                                .then(members(seen))
                                .then(schedules.check(seen))
                                .then(theKeys.check(seen))
                        : Mono.<Void>empty())
                .then(walk(seen))
                .then(Mono.defer(() -> lookAgain(seen, LOOKS_AGAIN)))
                .then(Mono.defer(() -> conclude(seen, outcome)));
    }

    // ---- the walk

    private Mono<Void> walk(Examination seen) {
        // In the order in which elements move on: what leaves one list during the walk is met in the next.
        Mono<Void> lists = pages.all(What.PLAIN)
                .doOnNext(seen::list)
                .thenMany(pages.all(What.SUSPECTS).doOnNext(seen::list))
                .thenMany(pages.all(What.READY).doOnNext(seen::list))
                .then();
        Mono<Void> claims = pages.claimants()
                .flatMapIterable(all -> all)
                .concatMap(one -> pages.claimed(one).doOnNext(page -> seen.claimed(one, page)), 1)
                .then();
        return lists.then(claims)
                .thenMany(pages.all(What.BODIES).doOnNext(seen::bodies))
                .thenMany(pages.all(What.DELAYED).doOnNext(seen::delayed))
                .thenMany(pages.all(What.DEAD).doOnNext(seen::dead))
                .thenMany(pages.all(What.RECORDS).doOnNext(seen::records))
                .then(now())
                .flatMapMany(now -> pages.all(What.LATE).doOnNext(page -> seen.late(page, now)))
                .thenMany(pages.all(What.CANCELLING).doOnNext(seen::cancelling))
                .thenMany(pages.all(What.CANCELLED).doOnNext(seen::cancelled))
                .thenMany(pages.all(What.STATUS).doOnNext(seen::statuses))
                .thenMany(pages.all(What.PROGRESS).doOnNext(seen::progress))
                .then();
    }

    private Mono<Void> lookAgain(Examination seen, int times) {
        if (times == 0 || seen.suspects().isEmpty()) {
            return Mono.empty();
        }
        Mono<Void> look = Mono.defer(() -> {
            Examination.SecondLook second = seen.new SecondLook();
            boolean lists = seen.has(
                    Kind.STATUS_GHOST,
                    Kind.STATUS_FALSE,
                    Kind.STATUS_MISSING,
                    Kind.TWO_PLACES,
                    Kind.RUNNING_OR_LOST,
                    Kind.MARK_OF_NOBODY);
            boolean claims = seen.has(Kind.BODY_WITHOUT_OWNER, Kind.CLAIMED_TWICE, Kind.RUNNING_OR_LOST);
            return (lists ? again(second) : Mono.<Void>empty())
                    .then(claims ? claimsAgain(second) : Mono.<Void>empty())
                    .then(Mono.fromRunnable(second::conclude));
        });
        return Mono.delay(moment)
                .then(confirm(seen)) // most are gone by now: only for the rest all lists are walked
                .then(look)
                .then(Mono.defer(() -> lookAgain(seen, times - 1)));
    }

    private Mono<Void> again(Examination.SecondLook second) {
        return pages.all(What.PLAIN)
                .doOnNext(second::list)
                .thenMany(pages.all(What.SUSPECTS).doOnNext(second::list))
                .thenMany(pages.all(What.READY).doOnNext(second::list))
                .then();
    }

    private Mono<Void> claimsAgain(Examination.SecondLook second) {
        return pages.claimants()
                .flatMapIterable(all -> all)
                .concatMap(one -> pages.claimed(one).doOnNext(page -> second.claimed(one, page)), 1)
                .then();
    }

    // ---- the last word

    private Mono<Void> confirm(Examination seen) {
        return judge(seen, LOOKS, (suspect, fate) -> {
            if (fate == 0) {
                seen.clear(suspect);
            }
        });
    }

    private Mono<Void> conclude(Examination seen, Outcome outcome) {
        outcome.isComplete &= seen.isComplete;
        Mono<Set<String>> listed = outcome.repairs && seen.has(Kind.STATUS_MISSING)
                ? writeListed().collect(Collectors.toSet())
                : Mono.just(Set.of());
        return listed.flatMap(written -> {
            seen.suspects(Kind.STATUS_MISSING).stream()
                    .filter(suspect -> written.contains(suspect.subject()))
                    .forEach(suspect -> {
                        outcome.found.add(suspect.found(true));
                        seen.clear(suspect);
                    });
            return judge(seen, outcome.repairs ? REPAIRS : LOOKS_LAST, (suspect, fate) -> {
                if (fate > 0) {
                    outcome.found.add(suspect.found(fate == 2));
                }
            });
        });
    }

    /** Has a script look at every suspect: 0 it is in order, 1 it is broken, 2 it was broken and is repaired. */
    private Mono<Void> judge(Examination seen, int how, Fate fate) {
        Map<String, List<Suspect>> batches = new HashMap<>();
        for (Suspect suspect : seen.suspects()) {
            if (suspect.kind() == Kind.CLAIMED_TWICE || suspect.kind() == Kind.NEVER_EXPIRES) {
                fate.of(suspect, 1); // no single call can tell
            } else if (suspect.kind() == Kind.META_FIELD && suspect.first().isEmpty()) {
                fate.of(suspect, 1);
            } else if (suspect.kind() == Kind.TWO_PLACES && suspect.second().equals("twice")) {
                fate.of(suspect, 1);
            } else {
                batches.computeIfAbsent(suspect.kind() + " " + suspect.incarnation(), none -> new ArrayList<>())
                        .add(suspect);
            }
        }
        return Flux.fromIterable(batches.values())
                .concatMap(batch -> Flux.fromIterable(batch).buffer(AT_ONCE))
                .concatMap(batch -> judge(batch, how, fate), 1)
                .then();
    }

    /** A script looks at the first of them, about a megabyte; at the rest the next one does. */
    private Mono<Void> judge(List<Suspect> batch, int how, Fate fate) {
        return link.run(
                        Script.REPAIR,
                        keys.forRepair(batch.get(0).incarnation()),
                        args -> {
                            args.add(how).add(batch.get(0).kind().code()).add(batch.size());
                            for (Suspect suspect : batch) {
                                args.add(Pages.bytes(suspect.subject()))
                                        .add(Pages.bytes(suspect.first()))
                                        .add(Pages.bytes(suspect.second()));
                            }
                        },
                        deadline)
                .flatMap(reply -> {
                    int looked = reply.size() - 1;
                    for (int i = 0; i < looked; i++) {
                        fate.of(batch.get(i), (int) reply.number(i + 1));
                    }
                    return looked < batch.size() ? judge(batch.subList(looked, batch.size()), how, fate) : Mono.empty();
                });
    }

    /** Gives every task in the two lists of frames its word; the ids that had none. */
    private Flux<String> writeListed() {
        return Flux.just("suspects", "ready")
                .concatMap(list -> words(list, "0")
                        .expand(reply -> reply.text(1).isEmpty() ? Mono.empty() : words(list, reply.text(1))))
                .concatMapIterable(reply -> {
                    List<String> ids = new ArrayList<>();
                    for (int i = 2; i < reply.size(); i++) {
                        ids.add(Pages.latin(reply.bytes(i)));
                    }
                    return ids;
                });
    }

    private Mono<Reply> words(String list, String from) {
        return link.run(
                Script.REPAIR,
                keys.forRepair("-"),
                args -> args.add(1)
                        .add("listed-without-status")
                        .add(0)
                        .add(list)
                        .add(from),
                deadline);
    }

    // ---- keys, fields, members

    /** Where it is not sure which delivery and status key are meant nothing is repaired: what is true there looks wrong here. */
    private Mono<Void> meta(Examination seen, Outcome outcome) {
        return link.command(
                        CommandType.HMGET,
                        args -> {
                            args.addKey(keys.meta()).add("delivery").add("status-key");
                            NUMBERS.forEach(args::add);
                        },
                        deadline)
                .doOnNext(reply -> {
                    field(seen, reply, 0, "delivery", queue.delivery().word());
                    field(seen, reply, 1, "status-key", queue.statusKey());
                    missing(seen, outcome, reply, 0, "delivery");
                    missing(seen, outcome, reply, 1, "status-key");
                    outcome.repairs &=
                            isAgreed(reply, 0, queue.delivery().word()) && isAgreed(reply, 1, queue.statusKey());
                    for (int i = 0; i < NUMBERS.size(); i++) {
                        if (!reply.isNull(i + 2) && !reply.text(i + 2).matches("-?[0-9]+")) {
                            String field = NUMBERS.get(i);
                            boolean agreed = field.equals("protocol");
                            seen.suspect(
                                    Kind.META_FIELD, field, agreed ? "" : "number", "", "'" + reply.text(i + 2) + "'");
                        }
                    }
                })
                .then();
    }

    /** Whoever joins next writes it anew, so that it is broken only where it is in the way of a repair. */
    private static void missing(Examination seen, Outcome outcome, Reply reply, int at, String field) {
        if (outcome.repairs && reply.isNull(at)) {
            seen.suspect(Kind.META_FIELD, field, "", "", "it is missing: let a client or dispatcher join first");
        }
    }

    private static boolean isAgreed(Reply reply, int at, String wanted) {
        return !reply.isNull(at) && reply.text(at).equals(wanted);
    }

    private static void field(Examination seen, Reply reply, int at, String field, String wanted) {
        if (!reply.isNull(at) && !reply.text(at).equals(wanted)) {
            seen.suspect(Kind.META_FIELD, field, "", "", "'" + reply.text(at) + "' and no '" + wanted + "'");
        }
    }

    private Mono<Void> members(Examination seen) {
        return Mono.zip(pages.claimants(), now()).flatMap(both -> {
            Set<String> hashes = new HashSet<>(both.getT1());
            long longAgo = both.getT2() - LONG_AGO.toMillis();
            return scanMembers("0")
                    .expand(reply -> reply.text(0).equals("0") ? Mono.empty() : scanMembers(reply.text(0)))
                    .doOnNext(reply -> {
                        for (int i = 1; i + 1 < reply.size(); i += 2) {
                            boolean holds = hashes.remove(reply.text(i));
                            if (Score.of(reply.text(i + 1)) < longAgo) {
                                member(seen, reply.text(i), reply.text(i + 1), holds);
                            }
                        }
                    })
                    .then(Mono.fromRunnable(() -> hashes.forEach(incarnation -> seen.note(new Suspect(
                            Kind.CLAIMED_BY_NOBODY,
                            incarnation,
                            incarnation,
                            "",
                            "",
                            "no lease, and none that lapsed")))));
        });
    }

    private Mono<Reply> scanMembers(String cursor) {
        return link.command(
                CommandType.ZSCAN,
                args -> args.addKey(keys.dispatchers()).add(cursor).add("COUNT").add(AT_ONCE),
                deadline);
    }

    private static void member(Examination seen, String incarnation, String lease, boolean holds) {
        Kind kind = holds ? Kind.LAPSED_UNRECOVERED : Kind.MEMBER_WITHOUT_HASH;
        seen.note(new Suspect(kind, incarnation, incarnation, "", "", "lease until " + lease));
    }

    private Mono<Long> now() {
        return link.command(CommandType.TIME, args -> {}, deadline).map(reply -> reply.number(0) * 1000);
    }

    /** Of the three lists, the bodies and the dead. */
    private Mono<List<Long>> sizes() {
        return Flux.concat(
                        size(CommandType.LLEN, keys.plain()),
                        size(CommandType.LLEN, keys.ready()),
                        size(CommandType.LLEN, keys.suspects()),
                        size(CommandType.HLEN, keys.bodies()),
                        size(CommandType.ZCARD, keys.dead()))
                .collectList();
    }

    private Mono<Long> size(CommandType count, byte[] key) {
        return link.command(count, args -> args.addKey(key), deadline).map(reply -> reply.number(0));
    }

    /** What is done with one suspect once the script has looked at it. */
    private interface Fate {
        void of(Suspect suspect, int fate);
    }

    /** What all parts of an examination have found. */
    private static final class Outcome {
        boolean repairs;
        final List<Finding> found = new ArrayList<>();
        boolean isComplete = true;
        long liveTasks;

        Outcome(boolean repairs) {
            this.repairs = repairs;
        }

        Diagnosis diagnosis() {
            return new Diagnosis(
                    found.stream().filter(it -> !it.kind().isDoubt()).toList(),
                    found.stream().filter(it -> it.kind().isDoubt()).toList(),
                    liveTasks,
                    isComplete);
        }
    }
}
