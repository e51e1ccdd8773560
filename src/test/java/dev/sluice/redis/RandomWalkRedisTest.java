package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random operations of three incarnations, producers and chores, then a drain: every accepted id ends once, or is dead
 * with a reason, and nothing is left. A failure names its seed; {@code -Dsluice.walk.seed=…} walks it alone.
 */
@OnEveryRedis
class RandomWalkRedisTest {
    private static final int WALKS = 200;
    private static final int STEPS = 60;

    private final OneQueue q;

    RandomWalkRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @Test
    @Timeout(value = 120, unit = TimeUnit.SECONDS)
    void everyAcceptedTaskEndsOnceOrIsDeadWithAReason() {
        Long one = Long.getLong("sluice.walk.seed");
        long first = one == null ? System.nanoTime() : one;
        try {
            for (long seed = first; seed < first + (one == null ? WALKS : 1); seed++) {
                q.wire.call("FLUSHALL");
                Walk walk = new Walk(seed);
                try {
                    walk.run();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError(
                            "the walk with -Dsluice.walk.seed=" + seed + " failed after\n  "
                                    + String.join("\n  ", walk.log),
                            e);
                }
            }
        } finally {
            q.close();
        }
    }

    private final class Walk {
        final Random random;
        final List<String> log = new ArrayList<>();
        final Set<String> accepted = new LinkedHashSet<>();
        final Map<String, Integer> ended = new HashMap<>();
        final Set<String> repeated = new LinkedHashSet<>();
        final Set<String> cancelled = new LinkedHashSet<>(); // it waited: it must not run
        final Set<String> everCancelled = new LinkedHashSet<>();
        final Set<String> stopping = new LinkedHashSet<>(); // it ran: it may have ended first
        final List<String> awaited = new ArrayList<>();
        final List<Actor> actors = new ArrayList<>();
        int names;
        int tasks;

        Walk(long seed) {
            random = new Random(seed);
        }

        void run() {
            for (int i = 0; i < 3; i++) {
                actors.add(new Actor());
            }
            for (int i = 0; i < STEPS; i++) {
                step();
            }
            drain();
            check();
        }

        void step() {
            Actor actor = actors.get(random.nextInt(actors.size()));
            switch (random.nextInt(33)) {
                case 22, 23 -> schedule();
                case 24, 25, 26, 27 -> cancel();
                case 28, 29 -> redrive();
                case 30 -> purge();
                case 31, 32 -> actor.report();
                case 20 -> lateStatus();
                case 21 -> pause(random.nextInt(3) == 0);
                case 0, 1, 2 -> enqueue();
                case 3, 4, 5 -> pushForeign(random.nextBoolean());
                case 6 -> repeatPush();
                case 7 -> lapse(actor);
                case 8 -> makeDue();
                case 9 -> {
                    log.add("round");
                    q.round();
                }
                case 10 -> actor.sendAgain();
                case 11 -> actor.sendOutOfOrder();
                default -> actor.exchange();
            }
        }

        void enqueue() {
            String[] ids = new String[1 + random.nextInt(5)];
            for (int i = 0; i < ids.length; i++) {
                // Mostly new, sometimes one that lives, ended or died.
                ids[i] = random.nextInt(5) == 0 && tasks > 0 ? "c" + random.nextInt(tasks) : "c" + tasks++;
            }
            EnqueueReply reply = q.enqueue(ids);
            for (int i = 0; i < ids.length; i++) {
                log.add("enqueue " + ids[i] + " " + reply.fate(i));
                if (reply.fate(i) == EnqueueReply.Fate.CREATED) {
                    accepted.add(ids[i]);
                    livesAnew(ids[i]);
                }
            }
        }

        void schedule() {
            String id = random.nextInt(5) == 0 && tasks > 0 ? "c" + random.nextInt(tasks) : "c" + tasks++;
            EnqueueReply reply = q.schedule(id, random.nextBoolean() ? -60_000 : q.serverMs() + 60_000);
            log.add("schedule " + id + " " + reply.fate(0));
            if (reply.fate(0) == EnqueueReply.Fate.CREATED) {
                accepted.add(id);
                livesAnew(id);
            }
        }

        void livesAnew(String id) {
            ended.remove(id);
            cancelled.remove(id);
            stopping.remove(id);
        }

        void cancel() {
            if (accepted.isEmpty()) {
                return;
            }
            List<String> ids = new ArrayList<>(accepted);
            String id = ids.get(random.nextInt(ids.size()));
            CancelReply reply = q.cancel(id);
            log.add("cancel " + id + " " + reply);
            if (reply == CancelReply.CANCELLED) {
                cancelled.add(id);
                everCancelled.add(id);
                if (id.startsWith("c") && random.nextBoolean()) {
                    log.add("enqueue " + id + " " + q.enqueue(id).fate(0));
                    livesAnew(id);
                }
            } else if (reply == CancelReply.STOPPING) {
                stopping.add(id);
            }
        }

        void pushForeign(boolean withStatus) {
            String id = "f" + tasks++;
            log.add("push " + id + (withStatus ? " with status" : ""));
            accepted.add(id);
            q.push(foreign(id));
            if (withStatus) {
                q.wire.call("HSET", q.queue.statusKey(), id, "queued");
            } else {
                awaited.add(id);
            }
        }

        void pause(boolean paused) {
            log.add(paused ? "pause" : "resume");
            OneQueue.await(q.producer.pause(paused));
        }

        void lateStatus() {
            if (!awaited.isEmpty()) {
                String id = awaited.remove(random.nextInt(awaited.size()));
                log.add("late status of " + id);
                q.wire.call("HSET", q.queue.statusKey(), id, "queued");
            }
        }

        void repeatPush() {
            List<String> living = accepted.stream()
                    .filter(id -> id.startsWith("f") && !ended.containsKey(id))
                    .toList();
            if (!living.isEmpty()) {
                String id = living.get(random.nextInt(living.size()));
                log.add("push again " + id);
                q.push(foreign(id));
                repeated.add(id);
            }
        }

        /** Dead ones, and now and then one that lives or has ended: that must change nothing. */
        void redrive() {
            List<String> ids = new ArrayList<>(dead());
            ids.removeIf(id -> random.nextBoolean());
            if (!accepted.isEmpty()) {
                ids.add(List.copyOf(accepted).get(random.nextInt(accepted.size())));
            }
            if (!ids.isEmpty()) {
                log.add("redrive " + ids + " "
                        + OneQueue.await(q.dead.redrive(
                                ids.stream().map(id -> id.getBytes(UTF_8)).toList())));
            }
        }

        void purge() {
            dead().stream().filter(id -> !repeated.contains(id)).findFirst().ifPresent(id -> {
                log.add("purge " + id);
                OneQueue.await(q.dead.purge(List.of(id.getBytes(UTF_8))));
                accepted.remove(id);
            });
        }

        Set<String> dead() {
            Set<String> dead = new LinkedHashSet<>();
            ((List<?>) q.wire.call("ZRANGE", q.key("dead"), "0", "-1")).forEach(id -> dead.add((String) id));
            return dead;
        }

        void lapse(Actor actor) {
            log.add("lapse " + actor.worker.name);
            q.lapse(actor.worker);
            if (random.nextBoolean()) {
                q.recover(actor.worker);
                if (random.nextBoolean()) {
                    actor.exchange(); // a zombie that does not know
                }
            }
            q.recoverAll(actor.worker);
            actor.rejoin();
        }

        void makeDue() {
            log.add("make due");
            for (Object id : (List<?>) q.wire.call("ZRANGE", q.key("delayed"), "0", "-1")) {
                if (random.nextBoolean()) {
                    q.wire.call("ZADD", q.key("delayed"), "XX", "1", (String) id);
                }
            }
        }

        void drain() {
            log.add("drain");
            pause(false);
            Actor last = new Actor();
            for (Actor actor : actors) {
                q.lapse(actor.worker);
                q.recoverAll(actor.worker);
            }
            for (int idle = 0; idle < 3; ) {
                for (Object id : (List<?>) q.wire.call("ZRANGE", q.key("delayed"), "0", "-1")) {
                    q.wire.call("ZADD", q.key("delayed"), "XX", "1", (String) id);
                }
                q.round();
                int got = last.finishAll();
                idle = got == 0 ? idle + 1 : 0;
            }
            for (Object id : (List<?>) q.wire.call("ZRANGE", q.key("late"), "0", "-1")) {
                q.wire.call("ZADD", q.key("late"), "XX", "0", (String) id);
            }
            q.round();
        }

        void check() {
            Set<Object> dead = new LinkedHashSet<>((List<?>) q.wire.call("ZRANGE", q.key("dead"), "0", "-1"));
            for (String id : accepted) {
                int times = ended.getOrDefault(id, 0);
                if (repeated.contains(id)) {
                    // Which of its elements a cancellation meets nobody can say.
                    if (!everCancelled.contains(id) && !stopping.contains(id)) {
                        assertThat(times + (dead.contains(id) ? 1 : 0)).as(id).isPositive();
                    }
                } else if (cancelled.contains(id)) {
                    assertThat(times + (dead.contains(id) ? 1 : 0)).as(id).isZero();
                } else if (stopping.contains(id)) {
                    assertThat(times + (dead.contains(id) ? 1 : 0)).as(id).isLessThanOrEqualTo(1);
                } else {
                    assertThat(times + (dead.contains(id) ? 1 : 0)).as(id).isEqualTo(1);
                }
            }
            assertThat(accepted).containsAll(ended.keySet());
            for (Object id : dead) {
                assertThat((String) q.wire.call("HGET", q.key("dead:bodies"), (String) id))
                        .startsWith("{\"reason\":\"");
            }
            assertThat(q.wire.call(
                            "EXISTS",
                            "q",
                            q.key("ready"),
                            q.key("suspects"),
                            q.key("bodies"),
                            q.key("delayed"),
                            q.key("cancelling"),
                            q.key("progress"),
                            q.key("cancelled")))
                    .isEqualTo(0L);
            assertThat(new LinkedHashSet<Object>((List<?>) q.wire.call("HKEYS", q.queue.statusKey())))
                    .isEqualTo(dead);
            assertThat(q.meta("bodiless")).isNull();
            assertThat(q.examine().findings()).isEmpty();
        }

        String foreign(String id) {
            return "{\"id\":\"" + id + "\",\"type\":\"t\"}";
        }

        /** One dispatcher as the protocol wants it: a call whose answer is lost is sent again, unchanged, until answered. */
        final class Actor {
            Worker worker = q.worker("w" + names++);
            final Map<Long, Held> memory = new LinkedHashMap<>();
            final List<Sent> unanswered = new ArrayList<>();

            void rejoin() {
                memory.clear();
                unanswered.clear();
                worker = q.worker("w" + names++);
            }

            void exchange() {
                Sent sent = newCall(random.nextInt(6));
                ExchangeReply reply = worker.send(sent.call);
                if (q.meta("paused") != null) {
                    assertThat(reply.frames()).isEmpty();
                }
                boolean lost = random.nextInt(4) == 0;
                log.add(worker.name + " call " + sent.call.number() + " wants " + sent.call.wanted() + " settles "
                        + sent.verdicts
                        + (lost ? ", answer lost" : ", gets " + reply.frames().size()));
                if (lost) {
                    unanswered.add(sent);
                } else {
                    take(sent, reply);
                }
                count(sent, reply);
            }

            /** A call that never reached Redis before a later one did. */
            void sendOutOfOrder() {
                Sent early = newCall(random.nextInt(4));
                exchange();
                ExchangeReply reply = worker.send(early.call);
                log.add(worker.name + " call " + early.call.number() + " late");
                count(early, reply);
                take(early, reply);
            }

            /** Also of what may not be its own any more. */
            void report() {
                List<ProgressReport> reports = new ArrayList<>(List.of(new ProgressReport(Tokens.of(1, 1), 1, "")));
                memory.values().forEach(held -> reports.add(new ProgressReport(held.token(), 50, "half")));
                int kept = OneQueue.await(q.claims.report(worker.name, worker.incarnationKeys, reports));
                log.add(worker.name + " says how far " + reports.size() + " are, kept " + kept);
            }

            void sendAgain() {
                if (!unanswered.isEmpty()) {
                    Sent sent = unanswered.remove(random.nextInt(unanswered.size()));
                    ExchangeReply reply = worker.send(sent.call);
                    log.add(worker.name + " call " + sent.call.number() + " again, gets "
                            + reply.frames().size());
                    assertThat(reply.refused()).isEmpty();
                    take(sent, reply);
                }
            }

            int finishAll() {
                while (!unanswered.isEmpty()) {
                    sendAgain();
                }
                Sent sent = new Sent(worker.newCall(200));
                for (Held held : List.copyOf(memory.values())) {
                    sent.succeed(held);
                }
                memory.clear();
                ExchangeReply reply = worker.send(sent.call);
                count(sent, reply);
                take(sent, reply);
                return sent.verdicts.size() + reply.frames().size();
            }

            Sent newCall(int wanted) {
                Sent sent = new Sent(worker.newCall(wanted, random.nextBoolean()));
                for (Held held : List.copyOf(memory.values())) {
                    if (stopping.contains(held.id()) && random.nextInt(3) == 0) {
                        sent.settle(held, "cancel", () -> sent.call.cancelled(held.token()));
                        continue;
                    }
                    switch (random.nextInt(9)) {
                        case 0, 1, 2 -> sent.succeed(held);
                        case 3 ->
                            sent.settle(
                                    held,
                                    "retry",
                                    () -> sent.call.retry(held.token(), random.nextInt(2) * 60_000L, "{\"n\":1}"));
                        case 4 -> sent.settle(held, "snooze", () -> sent.call.snooze(held.token(), 60_000));
                        case 5 -> sent.settle(held, "release", () -> sent.call.release(held.token()));
                        case 6 -> {
                            if (random.nextInt(4) == 0) {
                                sent.settle(held, "dead", () -> sent.call.dead(held.token(), "{\"reason\":\"walk\"}"));
                            }
                        }
                        default -> {
                            // still running
                        }
                    }
                }
                sent.verdicts.keySet().forEach(memory::remove);
                return sent;
            }

            /** A verdict counts when Redis did it, whether or not its answer arrives. */
            void count(Sent sent, ExchangeReply reply) {
                if (!reply.lapsed()) {
                    sent.verdicts.forEach((token, verdict) -> {
                        if (!reply.refused().contains(token) && verdict.startsWith("success ")) {
                            ended.merge(verdict.substring(8), 1, Integer::sum);
                        }
                    });
                }
            }

            void take(Sent sent, ExchangeReply reply) {
                if (!reply.lapsed()) {
                    assertThat(reply.frames().size()).isLessThanOrEqualTo(sent.call.wanted());
                    Worker.held(sent.call.number(), reply).forEach(held -> {
                        assertThat(accepted).contains(held.id());
                        assertThat(new String(held.body(), UTF_8))
                                .isEqualTo(held.id().startsWith("c") ? "body of " + held.id() : foreign(held.id()));
                        memory.put(held.token(), held);
                    });
                }
            }
        }
    }

    private static final class Sent {
        final ExchangeCall call;
        final Map<Long, String> verdicts = new LinkedHashMap<>();

        Sent(ExchangeCall call) {
            this.call = call;
        }

        void succeed(Held held) {
            settle(
                    held,
                    "success " + held.id(),
                    () -> call.succeeded(held.token(), held.frame().awaitsStatus()));
        }

        void settle(Held held, String verdict, Runnable settling) {
            settling.run();
            verdicts.put(held.token(), verdict);
        }
    }
}
