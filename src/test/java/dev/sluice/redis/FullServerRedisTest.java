package dev.sluice.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class FullServerRedisTest {
    private final OneQueue q;

    FullServerRedisTest(@Private RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aFullRedisTakesNoTasksButLetsEverythingElseGoOn() {
        q.enqueue(0, 12);
        q.pushForeign("f0");
        Worker worker = q.worker("a");
        Worker lost = q.worker("lost");
        lost.claim(2);
        List<Held> held = worker.claim(6);
        q.lapse(lost);
        q.wire.call("CONFIG", "SET", "maxmemory", "1");

        assertThatThrownBy(() -> q.enqueue("x"))
                .isInstanceOf(StoreUnavailableException.class)
                .hasMessageContaining("maxmemory");
        assertThat(q.status("x")).isNull();

        ExchangeReply settled = worker.settle(call -> {
            call.succeeded(held.get(0).token(), false);
            call.succeeded(held.get(1).token(), true);
            call.dead(held.get(2).token(), "{}");
            call.retry(held.get(3).token(), 0, "{}");
            call.snooze(held.get(4).token(), 0);
        });
        assertThat(settled.refused()).isEmpty();
        assertThat(worker.settle(call -> call.release(held.get(5).token())).refused())
                .isEmpty();
        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isTrue();
        assertThat(q.round().lapsed()).containsExactly("lost");
        assertThat(q.recover(lost).moved()).isEqualTo(2);
        OneQueue.await(q.claims.join("b", OneQueue.LEASE));
        assertThat(OneQueue.await(
                        q.dead.redrive(List.of(held.get(2).frame().id().getBytes(UTF_8)))))
                .containsExactly(DeadStore.Fate.DONE);
        assertThat(q.cancel("t11")).isEqualTo(CancelReply.CANCELLED);
        assertThat(OneQueue.await(q.producer.pause(true))).isTrue();
        assertThat(OneQueue.await(q.producer.pause(false))).isTrue();
        assertThat(worker.drain()).hasSize(10);
        OneQueue.await(q.claims.leave("a"));
    }

    /** Its first write is a ring, for it settles nothing and claims nothing. */
    @Test
    void aFullRedisAnswersACallThatIsRepeatedWhileWorkIsLeft() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        ExchangeCall call = worker.newCall(1);
        assertThat(worker.send(call).frames()).hasSize(1);
        q.wire.call("DEL", q.key("wake"));
        q.wire.call("CONFIG", "SET", "maxmemory", "1");

        assertThat(Worker.held(call.number(), worker.send(call)))
                .extracting(Held::id)
                .containsExactly("x");
        assertThat(q.rings()).isTrue();
    }
}
