package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.protocol.CommandType;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Redis forgets its last writes, as after a failover or a torn append-only file, and its clients do not. */
@OnEveryRedis
class RollbackRedisTest {
    private final OneQueue q;

    RollbackRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void aForgottenClaimLeavesATokenThatIsRefusedAndNeverIssuedAgain() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Map<String, String> before = q.everything();
        Held forgotten = worker.claimOne();

        rollBackTo(before);
        assertThat(OneQueue.await(q.claims.held("a"))).isEmpty();
        Held again = worker.claimOne();

        assertThat(again.token()).isNotEqualTo(forgotten.token());
        assertThat(worker.settle(call -> call.succeeded(forgotten.token(), false))
                        .refused())
                .containsExactly(forgotten.token());
        assertThat(q.status("x")).isEqualTo("processing");
    }

    @Test
    void aForgottenSettleLeavesAnOrphanThatIsSeenAndGivenBack() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        Map<String, String> before = q.everything();
        worker.settle(call -> call.succeeded(held.token(), false));

        rollBackTo(before);
        List<Long> orphans = OneQueue.await(q.claims.held("a"));
        assertThat(orphans).containsExactly(held.token());
        worker.settle(call -> orphans.forEach(call::release));

        assertThat(worker.claimIds(1)).containsExactly("x");
    }

    @Test
    void aForgottenIncarnationIsToldThatItLapsed() {
        q.enqueue("x");
        Map<String, String> before = q.everything();
        Worker worker = q.worker("a");
        worker.claimOne();

        rollBackTo(before);

        assertThat(worker.exchange(1, call -> {}).lapsed()).isTrue();
        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isFalse();
        assertThat(q.worker("b").claimIds(1)).containsExactly("x");
    }

    @Test
    void anUnansweredCallThatWasForgottenIsDoneWhenItIsSentAgain() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        Map<String, String> before = q.everything();
        ExchangeCall call = worker.newCall(1);
        call.succeeded(held.token(), false);
        worker.send(call);

        rollBackTo(before);
        ExchangeReply again = worker.send(call);

        assertThat(again.refused()).isEmpty();
        assertThat(Worker.held(call.number(), again)).extracting(Held::id).containsExactly("y");
        assertThat(q.status("x")).isNull();
    }

    @Test
    void aSettleOfATaskThatOthersTookBackMeanwhileIsRefused() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.lapse(worker);
        q.recoverAll(worker);
        Map<String, String> before = q.everything();
        q.worker("b").drain();

        rollBackTo(before);

        assertThat(worker.settle(call -> call.succeeded(held.token(), false)).lapsed())
                .isTrue();
        assertThat(q.worker("c").claimIds(1)).containsExactly("x");
    }

    private void rollBackTo(Map<String, String> state) {
        q.wire.call("FLUSHALL");
        state.forEach(
                (key, dump) -> q.raw(CommandType.RESTORE, key, 0, HexFormat.of().parseHex(dump)));
    }
}
