package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@OnEveryRedis
@StoredStateMayBeBroken("a key of each queue holds a value of another type")
class WrongTypesRedisTest {
    private final OneQueue q;

    WrongTypesRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    /** Some verbs have nothing to do with some keys; then they may do their work. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "enqueue",
                "claim",
                "settle",
                "join",
                "heartbeat",
                "report",
                "recover",
                "leave",
                "schedule",
                "cancel",
                "pause",
                "resume",
                "drain",
                "bury",
                "upkeep",
                "redrive",
                "purge",
                "trim"
            })
    void aCallThatMeetsAKeyOfAnotherTypeFailsAndChangesNothing(String verb) {
        for (byte[] key : q.keys.withClaimed("a")) {
            String name = new String(key, StandardCharsets.UTF_8);
            q.wire.call("FLUSHALL");
            Call call = atWork(verb);
            q.wire.call("DEL", name);
            q.wire.call("SET", name, "in the way");
            Map<String, String> before = q.everything();

            Throwable failure = catchThrowable(call::run);

            if (failure == null) {
                assertThat(verb + " " + name)
                        .matches(
                                "(heartbeat|report) .*|(enqueue|schedule|cancel|join|pause|resume|drain|bury|upkeep|redrive|purge|trim)"
                                        + " .*:(claimed:a|progress)");
            } else {
                assertThat(failure).as(verb + " with a wrong " + name).isInstanceOf(StoreRefusedException.class);
                assertThat(((StoreRefusedException) failure).reason()).isEqualTo("wrong-type");
                assertThat(q.everything())
                        .as("all keys after " + verb + " with a wrong " + name)
                        .isEqualTo(before);
            }
        }
    }

    private interface Call {
        void run();
    }

    private Call atWork(String verb) {
        q.enqueue("waiting", "dying", "failing", "running");
        q.pushForeign("foreign");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(4);
        worker.settle(call -> {
            call.dead(held.get(0).token(), "{}");
            call.retry(held.get(1).token(), 0, "{}");
        });
        q.lapse(worker);
        if (verb.equals("claim") || verb.equals("settle")) {
            q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() + 10_000), "a");
        }
        byte[] dead = held.get(0).id().getBytes(StandardCharsets.UTF_8);
        q.wire.call("ZADD", q.key("dead"), "XX", "1000", held.get(0).id());
        return switch (verb) {
            case "redrive" -> () -> OneQueue.await(q.dead.redrive(List.of(dead)));
            case "purge" -> () -> OneQueue.await(q.dead.purge(List.of(dead)));
            case "trim" -> () -> OneQueue.await(q.upkeep.trim(DeadLetterRetention.standard()));
            case "enqueue" -> () -> q.enqueue("new", "dying");
            case "claim" -> () -> worker.claim(10);
            case "settle" ->
                () -> worker.settle(call -> {
                    call.succeeded(held.get(2).token(), true);
                    call.dead(held.get(3).token(), "{}");
                });
            case "join" -> () -> q.worker("b");
            case "heartbeat" -> () -> OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE));
            case "report" ->
                () -> OneQueue.await(q.claims.report(
                        "a",
                        worker.incarnationKeys,
                        List.of(new ProgressReport(held.get(2).token(), 10, ""))));
            case "recover" -> () -> q.recover(worker);
            case "leave" -> () -> OneQueue.await(q.claims.leave("a"));
            case "schedule" -> () -> q.schedule("new", -1000);
            case "cancel" -> () -> q.cancel("waiting");
            case "pause" -> () -> OneQueue.await(q.producer.pause(true));
            case "drain" -> () -> OneQueue.await(q.producer.drain());
            case "bury" -> () -> q.bury(Frame.ofClient("x", new byte[0]), "{}", 1_000);
            case "resume" -> () -> OneQueue.await(q.producer.pause(false));
            default -> q::round;
        };
    }
}
