package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class JoinRedisTest {
    private final OneQueue q;

    JoinRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void theFirstRecordsWhatTheOthersMustShare() {
        q.worker("a");

        assertThat(q.meta("protocol")).isEqualTo("1");
        assertThat(q.meta("delivery")).isEqualTo("at-least-once");
        assertThat(q.meta("status-key")).isEqualTo("{q}:status");
        assertThat(q.meta("lease")).isEqualTo("15000");
        assertThat(q.wire.call("ZCARD", q.key("dispatchers"))).isEqualTo(1L);
    }

    @Test
    void itTellsWhatTheClockOfRedisShows() {
        long before = q.serverMs();
        Joined joined = OneQueue.await(q.claims.join("a", OneQueue.LEASE));

        assertThat(joined.nowMs()).isBetween(before, q.serverMs());
        assertThat(joined.bornMs()).isBetween(before, joined.nowMs());
    }

    @Test
    void anotherProtocolVersionIsRefused() {
        q.wire.call("HSET", q.key("meta"), "protocol", "2");

        refused("protocol", "protocol version 2", q.queue);
    }

    @Test
    void anotherDeliveryModeIsRefused() {
        q.worker("a");

        refused("delivery", "at-least-once", q.queue.delivery(DeliveryMode.AT_MOST_ONCE));
    }

    @Test
    void anotherStatusKeyIsRefused() {
        q.worker("a");

        refused("status-key", "{q}:status", q.queue.statusKey("other_status"));
    }

    @Test
    void theStatusKeyOfAnotherQueueIsRefused() {
        OneQueue.await(
                q.links.claims(Queue.named("first").statusKey("shared"), 3).join("a", OneQueue.LEASE));

        refused(
                "status-owner",
                "is that of queue 'first'",
                Queue.named("second").statusKey("shared"));
        OneQueue.await(
                q.links.claims(Queue.named("first").statusKey("shared"), 3).join("c", OneQueue.LEASE));
    }

    @Test
    void aStatusKeyOfAQueueThatIsGoneCanBeTakenOver() {
        OneQueue.await(
                q.links.claims(Queue.named("first").statusKey("shared"), 3).join("a", OneQueue.LEASE));
        q.wire.call("DEL", "shared:queue"); // the remedy that the refusal names

        OneQueue.await(
                q.links.claims(Queue.named("second").statusKey("shared"), 3).join("b", OneQueue.LEASE));

        assertThat(q.wire.call("GET", "shared:queue")).isEqualTo("second");
    }

    @Test
    void theDefaultStatusKeyNeedsNoRecord() {
        q.worker("a");

        assertThat(q.wire.call("EXISTS", "{q}:status:queue")).isEqualTo(0L);
    }

    @Test
    void theLongestLeaseOfTheLivingIsKept() {
        OneQueue.await(q.claims.join("a", Duration.ofSeconds(60)));
        OneQueue.await(q.claims.join("b", Duration.ofSeconds(5)));

        assertThat(q.meta("lease")).isEqualTo("60000");
    }

    @Test
    @StoredStateMayBeBroken("nobody goes on with the recovery")
    void aRepeatedJoinDoesNotWakeAnIncarnationThatIsBeingRecovered() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        worker.claimOne();
        q.wire.call("ZADD", q.key("dispatchers"), "XX", "0", "a");

        OneQueue.await(q.claims.join("a", OneQueue.LEASE));

        assertThat(worker.exchange(1, call -> {}).lapsed()).isTrue();
        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isFalse();
    }

    @Test
    void aHeartbeatRenewsTheLeaseAndCreatesNoMember() {
        q.worker("a");
        q.wire.call("ZADD", q.key("dispatchers"), "XX", String.valueOf(q.serverMs() + 1), "a");

        assertThat(OneQueue.await(q.claims.heartbeat("a", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isTrue();
        assertThat(OneQueue.await(q.claims.heartbeat("stranger", OneQueue.LEASE, OneQueue.LEASE))
                        .renewed())
                .isFalse();

        assertThat(Double.parseDouble((String) q.wire.call("ZSCORE", q.key("dispatchers"), "a")))
                .isGreaterThan(q.serverMs() + 10_000.0);
        assertThat(q.wire.call("ZCARD", q.key("dispatchers"))).isEqualTo(1L);
    }

    @Test
    void aRightThatIsMissingInsideAScriptIsFinal() {
        q.wire.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-zadd");
        RedisLinks links = RedisLinks.own(RedisURI.create(q.redis.uri().replace("redis://", "redis://app:pw@")), null);
        try {
            assertThatThrownBy(() -> OneQueue.await(links.claims(q.queue, 3).join("a", OneQueue.LEASE)))
                    .isInstanceOf(StoreRefusedException.class)
                    .extracting(it -> ((StoreRefusedException) it).reason())
                    .isEqualTo("permission");
        } finally {
            OneQueue.await(links.close());
            q.wire.call("ACL", "DELUSER", "app");
        }
    }

    private void refused(String reason, String told, Queue queue) {
        var before = q.everything();
        assertThatThrownBy(() -> OneQueue.await(q.links.claims(queue, 3).join("b", OneQueue.LEASE)))
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo(reason))
                .hasMessageContaining(told);
        assertThat(q.everything()).isEqualTo(before);
    }
}
