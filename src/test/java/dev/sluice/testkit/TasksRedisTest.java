package dev.sluice.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

@OnEveryRedis
class TasksRedisTest {
    private static final Duration SOON = Duration.ofSeconds(10);
    private static final Queue QUEUE = Queue.named("emails");

    private final RedisServer redis;
    private final Sluice sluice;

    TasksRedisTest(RedisServer redis) {
        this.redis = redis;
        this.sluice = Sluice.connect(redis.uri());
    }

    @AfterEach
    void close() {
        sluice.close().block(SOON);
    }

    @Test
    void aQueueIsDoneWhenItsLastTaskIs() {
        Sinks.Empty<Void> go = Sinks.empty();
        Sinks.Empty<Void> running = Sinks.empty();
        Dispatcher dispatcher = sluice.dispatcher(QUEUE).handler("wait", Void.class, task -> {
            running.tryEmitEmpty();
            return go.asMono();
        });
        dispatcher.start().block(SOON);
        client().enqueue(Task.of("wait", null)).block(SOON);
        running.asMono().block(SOON);

        StepVerifier.create(Tasks.done(redis, QUEUE))
                .expectSubscription()
                .expectNoEvent(Duration.ofMillis(100))
                .then(go::tryEmitEmpty)
                .expectComplete()
                .verify(SOON);
        dispatcher.stop(SOON).block(SOON);
    }

    @Test
    void deadLettersSayWhy() {
        Dispatcher dispatcher = sluice.dispatcher(QUEUE)
                .handler("fail", Void.class, task -> Mono.error(new IllegalStateException("no luck")));
        dispatcher.start().block(SOON);
        StepVerifier.create(Tasks.deadLetters(redis, QUEUE))
                .expectNext(Map.of())
                .verifyComplete();

        client().enqueue(Task.of("fail", null).id("f-1").maxAttempts(1)).block(SOON);
        StepVerifier.create(Tasks.done(redis, QUEUE)).expectComplete().verify(SOON);

        StepVerifier.create(Tasks.deadLetters(redis, QUEUE))
                .assertNext(dead -> assertThat(dead)
                        .hasEntrySatisfying(
                                "f-1", failure -> assertThat(failure).contains("no luck")))
                .verifyComplete();
        dispatcher.stop(SOON).block(SOON);
    }

    private TaskClient client() {
        return sluice.client(QUEUE);
    }
}
