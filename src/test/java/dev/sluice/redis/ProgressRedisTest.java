package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.sluice.redis.OneQueue.Held;
import dev.sluice.redis.OneQueue.Worker;
import dev.sluice.task.Finding;
import dev.sluice.task.Finding.Kind;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.StoredStateMayBeBroken;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a handler says of its progress is kept while its dispatcher holds the task, and not an instant longer. */
@OnEveryRedis
class ProgressRedisTest {
    private final OneQueue q;

    ProgressRedisTest(RedisServer redis) {
        q = new OneQueue(redis);
    }

    @AfterEach
    void close() {
        q.close();
    }

    @Test
    void theLatestReportIsKept() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();

        assertThat(report(worker, held, 10, "")).isEqualTo(1);
        assertThat(kept("x")).matches("[0-9]{13} 10");
        assertThat(report(worker, held, 55, "page 5 of 9")).isEqualTo(1);

        assertThat(kept("x")).matches("[0-9]{13} 55 page 5 of 9");
        assertThat(OneQueue.await(q.links.explainer(q.queue).find("x"))
                        .progress()
                        .text())
                .isEqualTo("page 5 of 9");
    }

    @Test
    void everyWayOutOfAnAttemptTakesItsReportAway() {
        Map<String, BiConsumer<ExchangeCall, Long>> ways = new LinkedHashMap<>();
        ways.put("succeeded", (call, token) -> call.succeeded(token, false));
        ways.put("retry", (call, token) -> call.retry(token, 60_000, "{}"));
        ways.put("snooze", (call, token) -> call.snooze(token, 60_000));
        ways.put("dead", (call, token) -> call.dead(token, "{}"));
        ways.put("discard", ExchangeCall::discard);
        ways.put("cancelled", ExchangeCall::cancelled);
        ways.put("release", ExchangeCall::release);
        Worker worker = q.worker("a");
        ways.forEach((id, way) -> {
            q.enqueue(id, "stays-" + id);
            List<Held> held = worker.claim(2);
            held.forEach(it -> report(worker, it, 10, ""));

            worker.settle(call -> way.accept(call, held.get(0).token()));

            assertThat(kept(id)).as(id).isNull();
            assertThat(kept("stays-" + id)).isNotNull();
            worker.settle(call -> call.succeeded(held.get(1).token(), false));
            worker.drain();
        });
        assertThat(q.wire.call("EXISTS", q.key("progress"))).isEqualTo(0L);
    }

    @Test
    void aRecoveryAndALeaveTakeThemAway() {
        q.enqueue(0, 600);
        Worker dies = q.worker("dies");
        List<Held> held = new ArrayList<>(dies.claim(256));
        held.addAll(dies.claim(44));
        held.forEach(it -> report(dies, it, 10, ""));
        q.lapse(dies);

        q.recoverAll(dies);

        assertThat(q.wire.call("EXISTS", q.key("progress"))).isEqualTo(0L);
        Worker leaves = q.worker("leaves");
        leaves.claim(10).forEach(it -> report(leaves, it, 10, ""));
        OneQueue.await(q.claims.leave("leaves"));
        assertThat(q.wire.call("EXISTS", q.key("progress"))).isEqualTo(0L);
    }

    @Test
    void whatComesAfterTheEndOrFromWhoeverLostItIsNotKept() {
        q.enqueue("x", "y");
        Worker worker = q.worker("a");
        List<Held> held = worker.claim(2);
        worker.settle(call -> call.release(held.get(0).token()));
        Worker other = q.worker("b");
        Held again = other.claimOne();
        report(other, again, 30, "");

        assertThat(report(worker, held.get(0), 90, "")).isZero();

        assertThat(kept("x")).endsWith(" 30");
        q.wire.call("ZADD", q.key("dispatchers"), "XX", "0", "a"); // marked: it is being recovered
        assertThat(report(worker, held.get(1), 90, "")).isZero();
        assertThat(kept("y")).isNull();
    }

    @Test
    void aFullRedisRefusesReportsAndNothingElse() {
        q.enqueue("x");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        q.wire.call("CONFIG", "SET", "maxmemory", "1");
        try {
            assertThatThrownBy(() -> report(worker, held, 10, "")).isInstanceOf(StoreUnavailableException.class);
            worker.settle(call -> call.succeeded(held.token(), false));
        } finally {
            q.wire.call("CONFIG", "SET", "maxmemory", "0");
        }

        assertThat(q.status("x")).isNull();
    }

    @Test
    @StoredStateMayBeBroken("a report without a task is put there by hand")
    void aReportThatOutlivedItsTaskIsFoundAndRemoved() {
        q.enqueue("runs", "waits");
        Worker worker = q.worker("a");
        Held held = worker.claimOne();
        report(worker, held, 10, "");
        q.wire.call("HSET", q.key("progress"), "gone", "1700000000000 10", "waits", "1700000000000 20");

        assertThat(q.examine().findings())
                .extracting(Finding::kind, Finding::subject)
                .containsExactlyInAnyOrder(
                        tuple(Kind.PROGRESS_OF_NOBODY, "gone"), tuple(Kind.PROGRESS_OF_NOBODY, "waits"));
        OneQueue.await(q.doctor().repair());

        assertThat(q.wire.call("HKEYS", q.key("progress"))).isEqualTo(List.of("runs"));
    }

    private int report(Worker worker, Held held, int percent, String text) {
        return OneQueue.await(q.claims.report(
                worker.name, worker.incarnationKeys, List.of(new ProgressReport(held.token(), percent, text))));
    }

    private String kept(String id) {
        return (String) q.wire.call("HGET", q.key("progress"), id);
    }
}
