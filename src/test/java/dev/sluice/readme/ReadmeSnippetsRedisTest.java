package dev.sluice.readme;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.ClientOptions;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.QueueEvent;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Durability;
import dev.sluice.task.Failure;
import dev.sluice.task.NotDurableException;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskState;
import dev.sluice.task.Verdict;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.resource.ClientResources;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.ByteBufFlux;
import reactor.netty.DisposableServer;
import reactor.netty.http.client.HttpClient;
import reactor.netty.http.server.HttpServer;
import reactor.test.StepVerifier;

/**
 * Runs each Java snippet of the README and of the pages beside it. What stands between {@code // readme:} and {@code // end} stands there word for
 * word; {@link ReadmeTest} compares them.
 */
@OnEveryRedis
class ReadmeSnippetsRedisTest {
    private static final Duration SOON = Duration.ofSeconds(10);

    private final RedisServer redis;
    private final Sluice sluice;
    private final Mailbox mailer = new Mailbox();

    ReadmeSnippetsRedisTest(RedisServer redis) {
        this.redis = redis;
        this.sluice = Sluice.connect(redis.uri());
    }

    record Email(String to) {}

    @AfterEach
    void close() {
        sluice.close().block(SOON);
    }

    record Sum(int total) {}

    @Test
    void awaiting() {
        Dispatcher dispatcher = sluice.dispatcher(Queue.named("sums"))
                .handler(
                        "add",
                        int[].class,
                        task -> Mono.just(new Sum(IntStream.of(task.payload()).sum())));
        TaskClient client = sluice.client(Queue.named("sums"));
        dispatcher.start().block(SOON);

        // readme: awaiting
        Mono<Sum> sum = client.enqueueAndAwait(Task.of("add", List.of(2, 3)), Sum.class, Duration.ofSeconds(30));
        // end

        assertThat(sum.block(SOON)).isEqualTo(new Sum(5));
        dispatcher.stop(SOON).block(SOON);
    }

    @Test
    void events() throws InterruptedException {
        Queue emails = Queue.named("emails");
        Screen screen = new Screen();
        // readme: events
        Disposable listening = sluice.client(emails).events().subscribe(event -> {
            if (event instanceof QueueEvent.Moved moved) {
                screen.show(moved.id(), moved.state());
            } else if (event instanceof QueueEvent.Missed missed) {
                screen.gap(missed.count()); // this subscriber was too slow for so many
            } else if (event instanceof QueueEvent.Began) {
                screen.readAll(); // from here on moves are heard; read now what stands
            }
        });
        // end
        assertThat(screen.next()).isEqualTo("read");
        enqueue(emails, Task.of("email.send", null).id("welcome-17"));

        assertThat(screen.next()).isEqualTo("welcome-17 QUEUED");
        listening.dispose();
    }

    @Test
    void progress() {
        Dispatcher dispatcher = sluice.dispatcher(Queue.named("imports"));
        // readme: progress
        dispatcher.handler(
                "import",
                Import.class,
                task -> rows(task.payload())
                        .buffer(1000)
                        .index()
                        .concatMap(part -> store(part.getT2())
                                .doOnSuccess(
                                        done -> task.progress((int) (part.getT1() + 1), "part " + (part.getT1() + 1))))
                        .then());
        // end
        dispatcher.start().block(SOON);
        enqueue(Queue.named("imports"), Task.of("import", new Import(100_000)).id("all"));

        eventually(() -> assertThat(sluice.task(Queue.named("imports"), "all").block(SOON))
                .extracting(TaskInfo::progress)
                .matches(it -> it != null && it.text().equals("part " + it.percent())));
        dispatcher.stop(Duration.ZERO).block(SOON);
    }

    private record Import(int rows) {}

    private static Flux<Integer> rows(Import all) {
        return Flux.range(0, all.rows());
    }

    private static Mono<Void> store(List<Integer> rows) {
        return Mono.delay(Duration.ofMillis(rows.size() / 50)).then();
    }

    @Test
    void handlers() throws InterruptedException {
        // readme: handlers
        Queue emails = Queue.named("emails");
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(
                        emails,
                        QueueSettings.standard()
                                .concurrency(64)
                                .timeout(Duration.ofSeconds(30))
                                .retry(RetryPolicy.standard().maxAttempts(8)))
                .build()
                .handler("email.send", Email.class, task -> mailer.send(task.payload()))
                .handler("email.purge", Void.class, task -> mailer.purge());
        dispatcher.start().block();
        // end
        enqueue(emails, Task.of("email.send", new Email("ann@example.org")), Task.of("email.purge", null));

        assertThat(List.of(mailer.next(), mailer.next())).containsExactlyInAnyOrder("ann@example.org", "purged");
        dispatcher.stop(SOON).block(SOON);
    }

    @Test
    void receiver() throws InterruptedException {
        Dispatcher dispatcher = sluice.dispatcher(Queue.named("emails"));
        // readme: receiver
        Disposable consumer = dispatcher
                .receive("emails", Email.class)
                .flatMap(it -> Mono.defer(() -> mailer.send(it.payload()))
                        .then(it.ack())
                        .onErrorResume(it::nack))
                .subscribe();
        dispatcher.start().block();
        // end
        enqueue(Queue.named("emails"), Task.of("email.send", new Email("ann@example.org")));

        assertThat(mailer.next()).isEqualTo("ann@example.org");
        dispatcher.stop(SOON).block(SOON);
        eventually(() -> assertThat(consumer.isDisposed()).isTrue()); // it is told on a thread of its own
    }

    @Test
    void client() {
        Flux<String> addresses = Flux.range(0, 1000).map(i -> "user" + i + "@example.org");
        // readme: client
        TaskClient client = sluice.client(Queue.named("emails"));

        Mono<EnqueueResult> one = client.enqueue(
                Task.of("email.send", new Email("ann@example.org")).id("welcome-17"));
        Flux<EnqueueResult> many = client.enqueueAll(addresses.map(to -> Task.of("email.send", new Email(to))));
        Mono<EnqueueResult> later = client.enqueue(
                Task.of("email.send", new Email("bob@example.org")).delay(Duration.ofHours(24)));
        Mono<TaskState> state = client.status("welcome-17");
        // end
        assertThat(state.blockOptional(SOON)).isEmpty();
        assertThat(one.block(SOON).isCreated()).isTrue();
        assertThat(one.block(SOON).isExisting()).isTrue();
        assertThat(many.filter(EnqueueResult::isCreated).count().block(SOON)).isEqualTo(1000);
        assertThat(state.block(SOON)).isEqualTo(TaskState.QUEUED);
        assertThat(client.status(later.block(SOON).id()).block(SOON)).isEqualTo(TaskState.SCHEDULED);
    }

    @Test
    void durability() {
        Queue orders = Queue.named("orders");
        Task<Email> task = Task.of("email.send", new Email("ann@example.org"));
        // readme: durability
        TaskClient client = sluice.client(
                orders,
                ClientOptions.builder().durability(Durability.replicated(2)).build());
        Mono<EnqueueResult> sooner = client.with(Durability.memory()).enqueue(task);
        // end
        assertThat(sooner.block(SOON).isCreated()).isTrue();
        StepVerifier.create(client.enqueue(task)).verifyError(NotDurableException.class);
    }

    @Test
    void rulesForExceptions() {
        // readme: rules
        RetryPolicy policy = RetryPolicy.standard()
                .retryOn(TooManyRequests.class, Duration.ofMinutes(1))
                .deadOn(InvalidAddress.class)
                .discardOn(AccountClosed.class)
                .rule((thrown, attempt) -> attempt > 3 && thrown instanceof IOException
                        ? Optional.of(Verdict.snooze(Duration.ofHours(1)))
                        : Optional.empty());
        // end
        assertThat(ruling(policy, new AccountClosed(), 1)).contains(TaskState.DISCARDED);
        assertThat(ruling(policy, new InvalidAddress(), 1)).contains(TaskState.DEAD);
        assertThat(ruling(policy, new TooManyRequests(), 1)).contains(TaskState.RETRYING);
        assertThat(ruling(policy, new IOException(), 3)).isEmpty();
        assertThat(ruling(policy, new IOException(), 4)).isPresent();
    }

    @Test
    void foreignProducersOfTheArticle() throws InterruptedException {
        Queue queue = Queue.named("task_queue").statusKey("task_status");
        Dispatcher dispatcher =
                sluice.dispatcher(queue).handler("email.send", Email.class, task -> mailer.send(task.payload()));
        dispatcher.start().block(SOON);

        RedisCommands.of(Markdown.README.blocksUnder("Push from any language").get(0))
                .forEach(redis::call);

        assertThat(mailer.next()).isEqualTo("ann@example.org");
        dispatcher.stop(SOON).block(SOON);
    }

    @Test
    void atMostOnce() throws InterruptedException {
        Queue clicks = Queue.named("clicks").delivery(DeliveryMode.AT_MOST_ONCE);
        Dispatcher dispatcher =
                sluice.dispatcher(clicks).handler("email.send", Email.class, task -> mailer.send(task.payload()));
        dispatcher.start().block(SOON);
        enqueue(clicks, Task.of("email.send", new Email("ann@example.org")));

        assertThat(mailer.next()).isEqualTo("ann@example.org");
        dispatcher.stop(SOON).block(SOON);
    }

    @Test
    void insideAServiceThatBringsItsClient(@Private RedisServer redis) throws InterruptedException {
        ClientResources resources = ClientResources.create();
        RedisURI redisUri = RedisURI.create(redis.uri());
        RedisClient redisClient = RedisClient.create(resources, redisUri);
        MeterRegistry registry = new SimpleMeterRegistry();
        Set<Thread> before = threads("sluice-");

        // readme: service
        Sluice sluice = Sluice.builder()
                .redisClient(redisClient)
                .uri(redisUri)
                .meterRegistry(registry)
                .build();
        Dispatcher dispatcher = sluice.dispatcher(Queue.named("emails"))
                .handler("email.send", Email.class, task -> mailer.send(task.payload()));
        TaskClient emails = sluice.client(Queue.named("emails"));

        dispatcher.start().block();
        DisposableServer server = HttpServer.create()
                .port(0)
                .route(routes -> routes.post(
                        "/emails",
                        (request, response) -> request.receive()
                                .aggregate()
                                .asString()
                                .flatMap(to -> emails.enqueue(Task.of("email.send", new Email(to))))
                                .flatMap(result -> response.status(result.isAccepted() ? 202 : 429)
                                        .sendString(Mono.just(result.id()))
                                        .then())))
                .bindNow();
        // end
        String id = HttpClient.create()
                .port(server.port())
                .post()
                .uri("/emails")
                .send(ByteBufFlux.fromString(Mono.just("ann@example.org")))
                .responseContent()
                .aggregate()
                .asString()
                .block(SOON);

        assertThat(id).hasSize(14);
        assertThat(mailer.next()).isEqualTo("ann@example.org");
        assertThat(threads("sluice-")).anyMatch(thread -> !before.contains(thread));

        dispatcher.stop(SOON).then(sluice.close()).block(SOON);

        assertThat(threads("sluice-")).isSubsetOf(before);
        assertThat(registry.isClosed()).isFalse();
        assertThat(registry.get("sluice.settled")
                        .tag("outcome", "succeeded")
                        .counter()
                        .count())
                .isEqualTo(1);
        assertThat(resources.eventExecutorGroup().isShuttingDown()).isFalse();
        try (StatefulRedisConnection<String, String> still = redisClient.connect()) {
            assertThat(still.sync().clientList().lines())
                    .as("connections to this Redis")
                    .hasSize(1);
        }
        server.disposeNow(SOON);
        redisClient.shutdown(Duration.ZERO, SOON);
        resources.shutdown(0, 2, TimeUnit.SECONDS).await(5, TimeUnit.SECONDS);
    }

    @Test
    void closeEndsWhatSluiceMadeItself() throws InterruptedException {
        Set<Thread> before = threads("sluice-", "lettuce-");
        Sluice own = Sluice.connect(redis.uri());
        Dispatcher dispatcher =
                own.dispatcher(Queue.named("emails")).handler("email.send", Email.class, task -> Mono.empty());
        dispatcher.start().block(SOON);
        assertThat(threads("sluice-")).anyMatch(thread -> !before.contains(thread));
        assertThat(threads("lettuce-")).anyMatch(thread -> !before.contains(thread));

        dispatcher.stop(SOON).then(own.close()).block(SOON);

        assertThat(threads("sluice-", "lettuce-")).isSubsetOf(before);
    }

    private static Optional<TaskState> ruling(RetryPolicy policy, Exception thrown, int attempt) {
        return policy.ruling(thrown, Failure.of("handler-error", thrown), attempt, true)
                .map(Verdict::target);
    }

    private void enqueue(Queue queue, Task<?>... tasks) {
        assertThat(sluice.client(queue)
                        .enqueueAll(Flux.just(tasks))
                        .collectList()
                        .block(SOON))
                .allMatch(EnqueueResult::isCreated);
    }

    /** The living threads with such a name, after those that are about to end have ended. */
    private static Set<Thread> threads(String... prefixes) throws InterruptedException {
        Set<Thread> found = new HashSet<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (Stream.of(prefixes).anyMatch(thread.getName()::startsWith)) {
                thread.join(200);
                if (thread.isAlive()) {
                    found.add(thread);
                }
            }
        }
        return found;
    }

    private static final class TooManyRequests extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class InvalidAddress extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class AccountClosed extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static final class Screen {
        private final BlockingQueue<String> lines = new LinkedTransferQueue<>();

        void show(String id, TaskState state) {
            lines.add(id + " " + state);
        }

        void gap(long count) {
            lines.add(count + " missed");
        }

        void readAll() {
            lines.add("read");
        }

        String next() throws InterruptedException {
            return lines.poll(SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }

    private static final class Mailbox {
        private final BlockingQueue<String> sent = new LinkedTransferQueue<>();

        Mono<Void> send(Email email) {
            return Mono.fromRunnable(() -> sent.add(email.to()));
        }

        Mono<Void> purge() {
            return Mono.fromRunnable(() -> sent.add("purged"));
        }

        String next() throws InterruptedException {
            return sent.poll(SOON.toSeconds(), TimeUnit.SECONDS);
        }
    }
}
