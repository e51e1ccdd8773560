package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.always;
import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.TaskContext;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Mono;

/**
 * An idle dispatcher has sent a claim behind its wait: Redis runs it when there is a task, before anybody hears of it,
 * and whatever becomes of the answer, or of what is sent meanwhile, the task runs once.
 */
@OnEveryRedis
@ExtendWith(NothingDropped.class)
class ClaimsAheadRedisTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String UNREAD_BEHIND_A_WAIT = " flags=b [^\\n]* qbuf=[1-9][^\\n]*";

    private static final Pattern SCRIPT_CALLS = Pattern.compile("cmdstat_eval(?:sha)?:calls=(\\d+)");

    private final RedisServer redis;
    private final FaultProxy proxy;
    private final Queue queue = Queue.named("q");
    private final List<TaskContext<Object>> ran = new CopyOnWriteArrayList<>();
    private final List<Dispatcher> dispatchers = new ArrayList<>();
    private final List<Sluice> doors = new ArrayList<>();
    private final Sluice door;

    ClaimsAheadRedisTest(@Private RedisServer redis) {
        this.redis = redis;
        this.proxy = new FaultProxy(redis.port());
        this.door = door(redis.uri());
    }

    @AfterEach
    void close() {
        proxy.mode(FaultProxy.Mode.PASS);
        dispatchers.forEach(it -> it.stop(Duration.ZERO).block(PATIENCE));
        doors.forEach(it -> it.close().block(PATIENCE));
        proxy.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aTaskThatWasClaimedWhileNoReplyGetsThroughRunsOnce(boolean foreign) {
        idleThroughTheProxy(8);
        if (foreign) { // the claim stands behind the wait that told of the last task
            push("first");
            eventually(() -> assertThat(ran).hasSize(1));
            eventually(() -> assertThat(clients()).containsPattern(UNREAD_BEHIND_A_WAIT + "cmd=blmove"));
        }

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        put(foreign, "a");
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        proxy.mode(FaultProxy.Mode.PASS);

        eventually(() -> assertThat(status("a")).isNull());
        TaskContext<Object> last = ran.get(ran.size() - 1);
        assertThat(last.id()).isEqualTo("a");
        assertThat(last.fencingNumber()).isOne();
        assertThat(ran).hasSize(foreign ? 2 : 1);
    }

    @Test
    void oneThatWasOvertakenHoldsNothingUp() {
        idleThroughTheProxy(2);

        door.client(queue)
                .enqueue(Task.of("t", (Object) null).id("due").delay(Duration.ofMillis(30)))
                .block(PATIENCE);
        eventually(() -> assertThat(ran).hasSize(1)); // claimed by a call that was sent later, and answered first
        put(false, "a");
        put(true, "b");

        eventually(() -> assertThat(ran).extracting(TaskContext::id).containsExactlyInAnyOrder("due", "a", "b"));
        assertThat(ran).extracting(TaskContext::fencingNumber).containsOnly(1L);
    }

    @Test
    void whatWasReservedForOneThatWasOvertakenIsFreeAtOnce() {
        CompletableFuture<Void> end = new CompletableFuture<>();
        dispatcher(redis.uri(), 2, task -> task.id().equals("first") ? Mono.empty() : Mono.fromFuture(end, true));
        push("first");
        eventually(() -> assertThat(clients()).containsPattern(UNREAD_BEHIND_A_WAIT + "cmd=blmove"));

        put(false, "a");
        put(false, "b");

        eventually(() -> assertThat(ran).extracting(TaskContext::id).contains("a", "b"));
        assertThat(clients()).containsPattern(" flags=b [^\\n]* cmd=blmove");
        end.complete(null);
        eventually(() -> assertThat(status("b")).isNull());
    }

    @Test
    void whereOneTaskRunsAtATimeNothingIsReservedAhead() {
        dispatcher(redis.uri(), 1);
        eventually(() -> assertThat(clients()).containsPattern("(?s) flags=b .* flags=b "));
        always(Duration.ofMillis(200), () -> assertThat(clients()).doesNotContainPattern(UNREAD_BEHIND_A_WAIT));

        put(false, "a");
        put(true, "b");

        eventually(() -> assertThat(ran).hasSize(2));
    }

    @Test
    void aStopGivesBackWhatWasClaimedUnheard() throws Exception {
        idleThroughTheProxy(8);

        proxy.mode(FaultProxy.Mode.SWALLOW_REPLIES);
        put(false, "a");
        eventually(() -> assertThat(status("a")).isEqualTo("processing"));
        CompletableFuture<Void> stopped =
                dispatchers.get(0).stop(Duration.ofSeconds(10)).toFuture();
        proxy.mode(FaultProxy.Mode.PASS);
        stopped.get();

        assertThat(status("a")).isEqualTo("queued");
        assertThat(ran).isEmpty();
        dispatcher(redis.uri(), 8);
        eventually(() -> assertThat(ran).hasSize(1));
        assertThat(ran.get(0).attempt()).isOne();
    }

    @Test
    void oneWhoseScriptWasForgottenIsSentAsText() {
        idleThroughTheProxy(8);

        redis.call("SCRIPT", "FLUSH");
        push("a");
        put(false, "b");

        eventually(() -> assertThat(ran).extracting(TaskContext::id).containsExactlyInAnyOrder("a", "b"));
    }

    /** The wait fails at once then, and nothing holds up what was to be behind it. */
    @Test
    void whereNoWaitIsAllowedClaimsDoNotFollowOneAnother() {
        redis.call("ACL", "SETUSER", "default", "-blpop");
        try {
            dispatcher(redis.uri(), 8);
            long before = scripts();
            always(Duration.ofSeconds(1), () -> assertThat(scripts() - before).isLessThan(100));

            put(false, "a");

            eventually(() -> assertThat(ran).hasSize(1));
        } finally {
            redis.call("ACL", "SETUSER", "default", "+blpop");
        }
    }

    private long scripts() {
        Matcher calls = SCRIPT_CALLS.matcher((String) redis.call("INFO", "commandstats"));
        return calls.results().mapToLong(it -> Long.parseLong(it.group(1))).sum();
    }

    private void idleThroughTheProxy(int concurrency) {
        dispatcher(proxy.uri(), concurrency);
        awaitOneAhead();
    }

    private void awaitOneAhead() {
        eventually(() -> assertThat(clients()).containsPattern(UNREAD_BEHIND_A_WAIT));
    }

    private void dispatcher(String uri, int concurrency) {
        dispatcher(uri, concurrency, task -> Mono.empty());
    }

    private void dispatcher(String uri, int concurrency, Function<TaskContext<Object>, Mono<Void>> handler) {
        Dispatcher dispatcher = door(uri)
                .dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(concurrency))
                .lease(Duration.ofSeconds(15))
                .build()
                .handler("t", Object.class, task -> {
                    ran.add(task);
                    return handler.apply(task);
                });
        dispatchers.add(dispatcher);
        dispatcher.start().block(PATIENCE);
    }

    private Sluice door(String uri) {
        Sluice opened = Sluice.connect(uri);
        doors.add(opened);
        return opened;
    }

    private void put(boolean foreign, String id) {
        if (foreign) {
            push(id);
        } else {
            door.client(queue).enqueue(Task.of("t", (Object) null).id(id)).block(PATIENCE);
        }
    }

    private void push(String id) {
        redis.call("HSET", "{q}:status", id, "queued");
        redis.call("RPUSH", "q", "{\"id\":\"" + id + "\",\"type\":\"t\",\"payload\":null}");
    }

    private String clients() {
        return (String) redis.call("CLIENT", "LIST");
    }

    private String status(String id) {
        return (String) redis.call("HGET", "{q}:status", id);
    }
}
