package dev.sluice.redis;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.Durability;
import dev.sluice.task.Queue;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/** Which write a confirmation is for. */
@OnEveryRedis
class DurableLinkRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Pattern SENT = Pattern.compile("\\[0 ([0-9.:]+)] \"(\\w+)\"");

    private final Map<String, CompletableFuture<EnqueueReply>> sent = new ConcurrentHashMap<>();
    private OneQueue q;
    private RedisServer replica;
    private RedisLink link;
    private ProducerStore producer;

    @BeforeEach
    void replicate(@Private RedisServer master, RedisServer.Builder builder) {
        replica = builder.with("replicaof", "127.0.0.1 " + master.port()).start();
        eventually(
                () -> assertThat((String) replica.call("INFO", "replication")).contains("master_link_status:up"));
        q = new OneQueue(master, Queue.named("q"));
        link = q.links.open("durable");
        DurableLink durable = new DurableLink(link, Durability.replicated(1), PATIENCE);
        producer = new ProducerStore(
                        q.links.commands(),
                        asked -> durable,
                        q.queue,
                        q.links.events(),
                        Channels.of(q.queue, 0),
                        PATIENCE)
                .with(Durability.replicated(1));
        OneQueue.await(producer.introduce());
    }

    @AfterEach
    void close() {
        q.close();
        replica.close();
    }

    /** The next one may lead to another server, which has never seen it. Nor does one that wrote nothing take others with it. */
    @ParameterizedTest
    @ValueSource(strings = {"behind", "before"})
    void whatWentThroughALostConnectionIsNotConfirmedByTheNextOne(String lost) {
        OneQueue.await(enqueue("before"));

        OneQueue.await(link.ping(PATIENCE)
                .doOnSuccess(
                        pong -> { // where answers are read: both leave before one is
                            send(
                                    enqueue("confirmed")
                                            .doOnNext(
                                                    reply -> { // and the other waits for the confirmation after this
                                                        link.renew();
                                                        send(enqueue("next"), "next");
                                                        CompletableFuture<Void> answered = link.ping(PATIENCE)
                                                                .toFuture();
                                                        while (!answered.isDone()) {
                                                            // Until "next" waits for the same confirmation, the way
                                                            // BlockHound cannot see.
                                                        }
                                                    }),
                                    "confirmed");
                            send(enqueue(lost), lost);
                        }));

        assertThat(sent.get("confirmed")).succeedsWithin(PATIENCE);
        assertThat(sent.get("next")).succeedsWithin(PATIENCE);
        assertThat(sent.get(lost))
                .failsWithin(PATIENCE)
                .withThrowableThat()
                .withCauseInstanceOf(StoreUnavailableException.class);
    }

    /** It may be there, so that whoever is told must not take it for one that was refused. */
    @Test
    void whatIsWrittenAndMayNotBeConfirmedIsNotTakenForRefused() {
        OneQueue.await(enqueue("before"));
        q.redis.call("ACL", "SETUSER", "default", "-wait");
        try {
            assertThatThrownBy(() -> OneQueue.await(enqueue("a")))
                    .isInstanceOf(StoreUnavailableException.class)
                    .hasMessageContaining("may be there")
                    .hasMessageContaining("wait");
            assertThat(q.status("a")).isEqualTo("queued");
        } finally {
            q.redis.call("ACL", "SETUSER", "default", "+wait");
        }
    }

    /** From 7.2 on WAIT would not cover it otherwise; here that it is written shows that it would. */
    @Test
    void whatWroteNothingWritesSomethingThroughItsConnectionBeforeItIsConfirmed() {
        OneQueue.await(enqueue("a"));

        try (RedisWire monitor = q.redis.wire()) {
            monitor.call("MONITOR");
            assertThat(OneQueue.await(enqueue("a")).fate(0)).isEqualTo(EnqueueReply.Fate.EXISTING);

            assertThat(nextOf("SET", monitor)).isEqualTo(nextOf("WAIT", monitor));
        }
    }

    @Test
    void aRefusalIsNoTaskThatWouldHaveToBeDurable() {
        OneQueue.await(enqueue("a"));
        q.wire.call("HSET", q.key("meta"), "draining", "0");
        replica.kill(); // and a confirmation would fail after a while

        assertThat(OneQueue.await(enqueue("b")).fate(0)).isEqualTo(EnqueueReply.Fate.CLOSED);
    }

    /** The address that sent the next command with this verb. */
    private static String nextOf(String verb, RedisWire monitor) {
        while (true) {
            Matcher line = SENT.matcher((String) monitor.reply());
            if (line.find() && line.group(2).equals(verb)) {
                return line.group(1);
            }
        }
    }

    private void send(Mono<EnqueueReply> call, String id) {
        sent.put(id, call.toFuture());
    }

    private Mono<EnqueueReply> enqueue(String id) {
        return producer.enqueue(List.of(id), List.of(Frame.ofClient(id, "{}".getBytes(UTF_8))), new Dues(), 0);
    }
}
