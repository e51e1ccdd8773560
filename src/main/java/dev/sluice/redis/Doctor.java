package dev.sluice.redis;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A read-only check of a queue's stored invariants: each live id in exactly one place, every claimed task with its
 * body, every delayed task with its body, every dead letter with its record, and statuses that agree.
 *
 * <p>It reads in pages of 512 elements and takes no snapshot: on a queue at work it may report what was only on its way.
 * On a quiet queue every finding is real. Memory grows with the number of live ids.
 */
public final class Doctor {
    private static final int PAGE = 512;

    private final RedisLink link;
    private final QueueKeys keys;
    private final boolean leased;
    private final Duration deadline;

    Doctor(RedisLink link, Queue queue, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.leased = queue.delivery() == DeliveryMode.AT_LEAST_ONCE;
        this.deadline = deadline;
    }

    /** Examines the queue once. Cold; emits what it found and completes. Nothing is changed. */
    public Mono<Diagnosis> examine() {
        return Mono.defer(() -> {
            Examination seen = new Examination(leased);
            return hash(keys.cancelled(), seen::cancelled)
                    .then(list(keys.ready(), seen, (id, frame) -> seen.place(id, "ready")))
                    .then(list(keys.plain(), seen, (id, frame) -> seen.rawElements++))
                    .then(list(keys.suspects(), seen, (id, frame) -> seen.place(id, "suspects")))
                    .then(hash(keys.bodies(), (id, frame) -> seen.bodies.put(id, frame)))
                    .then(sorted(keys.delayed(), (id, due) -> seen.delayed.put(id, due)))
                    .then(sorted(keys.dispatchers(), (incarnation, lease) -> seen.incarnations.put(incarnation, lease)))
                    .then(claimedHashes(seen))
                    .then(hash(keys.deadBodies(), (id, record) -> seen.deadBodies.put(id, record)))
                    .then(sorted(keys.dead(), (id, at) -> seen.dead.put(id, at)))
                    .then(hash(keys.status(), (id, word) -> seen.statuses.put(id, word)))
                    .then(Mono.fromSupplier(seen::diagnose));
        });
    }

    private Mono<Void> list(byte[] key, Examination seen, BiConsumer<String, String> each) {
        return listPage(key, 0, seen, each)
                .expand(next -> next < 0 ? Mono.empty() : listPage(key, next, seen, each))
                .then();
    }

    private Mono<Integer> listPage(byte[] key, int from, Examination seen, BiConsumer<String, String> each) {
        return link.command(
                        CommandType.LRANGE, args -> args.addKey(key).add(from).add(from + PAGE - 1), deadline)
                .map(reply -> {
                    for (int i = 0; i < reply.size(); i++) {
                        Frame frame = Frame.read(reply.bytes(i));
                        if (frame != null && seen.isDropped(frame)) {
                            continue;
                        }
                        each.accept(
                                frame == null ? "(raw) " + reply.text(i).hashCode() + "@" + (from + i) : frame.id(),
                                "");
                    }
                    return reply.size() < PAGE ? -1 : from + PAGE;
                });
    }

    private Mono<Void> hash(byte[] key, BiConsumer<String, String> each) {
        return scan(CommandType.HSCAN, key, each);
    }

    private Mono<Void> sorted(byte[] key, BiConsumer<String, String> each) {
        return scan(CommandType.ZSCAN, key, each);
    }

    private Mono<Void> scan(CommandType type, byte[] key, BiConsumer<String, String> each) {
        return scanPage(type, key, "0", each)
                .expand(cursor -> cursor.equals("0") ? Mono.empty() : scanPage(type, key, cursor, each))
                .then();
    }

    private Mono<String> scanPage(CommandType type, byte[] key, String cursor, BiConsumer<String, String> each) {
        return link.command(
                        type, args -> args.addKey(key).add(cursor).add("COUNT").add(PAGE), deadline)
                .map(reply -> {
                    for (int i = 1; i + 1 < reply.size(); i += 2) {
                        each.accept(reply.text(i), reply.text(i + 1));
                    }
                    return reply.text(0);
                });
    }

    private Mono<Void> claimedHashes(Examination seen) {
        return link.command(
                        CommandType.SCAN,
                        args -> args.add("0")
                                .add("MATCH")
                                .add(keys.claimedPattern())
                                .add("COUNT")
                                .add(PAGE),
                        deadline)
                .expand(reply -> reply.text(0).equals("0")
                        ? Mono.empty()
                        : link.command(
                                CommandType.SCAN,
                                args -> args.add(reply.text(0))
                                        .add("MATCH")
                                        .add(keys.claimedPattern())
                                        .add("COUNT")
                                        .add(PAGE),
                                deadline))
                .concatMap(reply -> {
                    List<String> found = new ArrayList<>();
                    for (int i = 1; i < reply.size(); i++) {
                        found.add(reply.text(i));
                    }
                    return Flux.fromIterable(found);
                })
                .distinct()
                .concatMap(
                        key -> hash(key.getBytes(StandardCharsets.UTF_8), (token, id) -> seen.claimed(key, token, id)))
                .then();
    }

    /** What one examination has read. */
    private static final class Examination {
        final Map<String, String> places = new HashMap<>();
        final Map<String, Long> cancelledBefore = new HashMap<>();
        final Map<String, String> bodies = new HashMap<>();
        final Map<String, String> delayed = new HashMap<>();
        final Map<String, String> claimed = new HashMap<>();
        final Map<String, String> incarnations = new HashMap<>();
        final Map<String, String> dead = new HashMap<>();
        final Map<String, String> deadBodies = new HashMap<>();
        final Map<String, String> statuses = new HashMap<>();
        final Map<String, List<String>> findings = new TreeMap<>();
        final Map<String, List<String>> doubts = new TreeMap<>();
        final boolean leased;
        int rawElements;

        Examination(boolean leased) {
            this.leased = leased;
        }

        void cancelled(String id, String mark) {
            cancelledBefore.put(id, Long.parseLong(mark.replaceFirst(",.*", "")));
        }

        /** Cancelled where it lies: the next claim that meets it drops it. */
        boolean isDropped(Frame frame) {
            return frame.epoch() < cancelledBefore.getOrDefault(frame.id(), 0L);
        }

        void place(String id, String where) {
            if (id.startsWith("(raw) ")) {
                rawElements++;
            } else {
                String other = places.put(id, where);
                if (other != null) {
                    find("an id in two places", id + " in " + other + " and " + where);
                }
            }
        }

        void claimed(String key, String token, String id) {
            if (token.equals("last")) {
                return;
            }
            if (!incarnations.containsKey(key.substring(key.indexOf(":claimed:") + 9))) {
                find("a claimed hash whose dispatcher is no member", key);
            }
            String other = claimed.put(id, key);
            if (other != null) {
                find("an id claimed twice", id + " in " + other + " and " + key);
            }
        }

        Diagnosis diagnose() {
            claimed.keySet().forEach(id -> place(id, "claimed"));
            delayed.keySet().forEach(id -> place(id, "delayed"));
            dead.keySet().forEach(id -> place(id, "dead"));
            claimed.keySet().stream()
                    .filter(id -> !bodies.containsKey(id))
                    .forEach(id -> find("a claimed task without a body", id));
            delayed.keySet().stream()
                    .filter(id -> !bodies.containsKey(id))
                    .forEach(id -> find("a delayed task without a body", id));
            bodies.keySet().stream()
                    .filter(id -> !claimed.containsKey(id) && !delayed.containsKey(id))
                    .forEach(id -> find("a body that nobody holds: its task is stuck", id));
            bodies.forEach((id, frame) -> {
                Frame read = Frame.read(frame.getBytes(StandardCharsets.UTF_8));
                if (read == null || !read.id().equals(id)) {
                    find("a body under another id", id);
                }
            });
            dead.keySet().stream()
                    .filter(id -> !deadBodies.containsKey(id))
                    .forEach(id -> find("a dead letter without its record", id));
            deadBodies.keySet().stream()
                    .filter(id -> !dead.containsKey(id))
                    .forEach(id -> find("a dead record without its time", id));
            statuses.forEach(this::agree);
            places.forEach((id, where) -> {
                if (!statuses.containsKey(id)) {
                    find("a live task without a status", id + " in " + where);
                }
            });
            return new Diagnosis(findings, doubts, places.size() + rawElements);
        }

        private void agree(String id, String word) {
            String where = places.get(id);
            if (!leased && where == null && word.equals("processing")) {
                note(doubts, "a task that is running, or was when its dispatcher died", id);
                return;
            }
            boolean agrees = switch (word) {
                case "queued" ->
                    "ready".equals(where)
                            || "suspects".equals(where)
                            || (where == null && rawElements > 0)
                            || isLate(id);
                case "processing" -> "claimed".equals(where);
                case "retrying", "scheduled" -> "delayed".equals(where);
                case "dead" -> "dead".equals(where);
                default -> false;
            };
            if (!agrees) {
                find(
                        "a status that is not true",
                        id + " is '" + word + "' and in " + (where == null ? "no place" : where));
            }
        }

        /** A foreign producer may write its status at any time after its push. */
        private boolean isLate(String id) {
            String body = bodies.get(id);
            Frame frame = body == null ? null : Frame.read(body.getBytes(StandardCharsets.UTF_8));
            return frame != null && frame.awaitsStatus();
        }

        private void find(String what, String which) {
            note(findings, what, which);
        }

        private static void note(Map<String, List<String>> kinds, String what, String which) {
            kinds.computeIfAbsent(what, key -> new ArrayList<>()).add(which);
        }
    }
}
