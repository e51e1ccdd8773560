package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.dispatch.TaskContext;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import reactor.core.publisher.Mono;

/** Sends what {@code src/docs/protocol.md} shows, as it stands there, over a bare socket. */
@OnEveryRedis
class ProtocolExamplesRedisTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    private final RedisServer redis;
    private final Sluice sluice;
    private final BlockingQueue<TaskContext<byte[]>> handled = new LinkedTransferQueue<>();

    ProtocolExamplesRedisTest(RedisServer redis) {
        this.redis = redis;
        this.sluice = Sluice.connect(redis.uri());
    }

    @AfterEach
    void close() {
        sluice.close().block(SOON);
    }

    @ParameterizedTest
    @EnumSource
    void theTwoCommandsOfTheFirstScreen(DeliveryMode mode) throws InterruptedException {
        assertThat(seen(handledOf(mode, "The protocol", 1))).containsExactly("a echo 1");
    }

    @ParameterizedTest
    @EnumSource
    void aShell(DeliveryMode mode) throws InterruptedException {
        assertThat(seen(handledOf(mode, "1. ", 1))).containsExactly("mail-1 email.send {\"to\":\"ann@example.org\"}");
    }

    @ParameterizedTest
    @EnumSource
    void python(DeliveryMode mode) throws InterruptedException {
        List<TaskContext<byte[]>> tasks = handledOf(mode, "2. ", 1);

        assertThat(seen(tasks)).containsExactly("report-7 report.build {\"month\": \"2026-10\"}");
        assertThat(tasks.get(0).headers()).containsEntry("tenant", "acme");
        assertThat(tasks.get(0).maxAttempts()).isEqualTo(mode == DeliveryMode.AT_MOST_ONCE ? 1 : 3);
    }

    @ParameterizedTest
    @EnumSource
    void aPipeline(DeliveryMode mode) throws InterruptedException {
        assertThat(seen(handledOf(mode, "3. ", 3)))
                .containsExactlyInAnyOrder("a-1 echo \"one\"", "任务-2 echo \"你好\"", "a-3 echo null");
    }

    @ParameterizedTest
    @EnumSource
    void plainText(DeliveryMode mode) throws InterruptedException {
        List<TaskContext<byte[]>> tasks = handledOf(mode, "4. ", 1);

        assertThat(tasks.get(0).type()).isEqualTo("line");
        assertThat(tasks.get(0).payload()).asString(StandardCharsets.UTF_8).isEqualTo("rotate the logs");
    }

    @ParameterizedTest
    @EnumSource
    void aNumberAsIdAndNoId(DeliveryMode mode) throws InterruptedException {
        List<TaskContext<byte[]>> tasks = handledOf(mode, "5. ", 2);

        assertThat(seen(tasks)).contains("42 echo 1").anyMatch(task -> task.endsWith(" echo 2"));
        assertThat(tasks).extracting(TaskContext::id).doesNotContainNull().doesNotHaveDuplicates();
    }

    /** Runs the one example with such a heading; returns so many tasks once no status is left. */
    private List<TaskContext<byte[]>> handledOf(DeliveryMode mode, String heading, int count)
            throws InterruptedException {
        Dispatcher dispatcher = dispatcher(mode);
        dispatcher.start().block(SOON);
        List<String> blocks = Markdown.PROTOCOL.blocksUnder(heading);
        assertThat(blocks).hasSize(1);
        send(RedisCommands.of(blocks.get(0)));

        List<TaskContext<byte[]>> tasks = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            tasks.add(handled.poll(SOON.toSeconds(), TimeUnit.SECONDS));
        }
        assertThat(tasks).doesNotContainNull();
        awaitNoStatus();
        dispatcher.stop(SOON).block(SOON);
        assertThat(handled).isEmpty();
        return tasks;
    }

    private Dispatcher dispatcher(DeliveryMode mode) {
        Queue queue = Queue.named("task_queue").statusKey("task_status").delivery(mode);
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().plainType("line"))
                .build();
        for (String type : List.of("echo", "email.send", "report.build", "line")) {
            dispatcher.handler(type, byte[].class, task -> Mono.fromRunnable(() -> handled.add(task)));
        }
        return dispatcher;
    }

    /** All at once, and only then the replies. */
    private void send(List<String[]> commands) {
        try (RedisWire wire = redis.wire()) {
            commands.forEach(wire::send);
            commands.forEach(command -> wire.reply());
        }
    }

    /** The producer's status may come after the end of its task; then upkeep removes it, within seconds. */
    private void awaitNoStatus() {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!redis.call("HLEN", "task_status").equals(0L)) {
            assertThat(System.nanoTime())
                    .as("statuses left: " + redis.call("HGETALL", "task_status"))
                    .isLessThan(deadline);
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static List<String> seen(List<TaskContext<byte[]>> tasks) {
        return tasks.stream()
                .map(task -> task.id() + " " + task.type() + " " + new String(task.payload(), StandardCharsets.UTF_8))
                .toList();
    }
}
