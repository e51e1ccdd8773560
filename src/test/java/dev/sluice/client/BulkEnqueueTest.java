package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;
import reactor.test.publisher.TestPublisher;
import reactor.test.scheduler.VirtualTimeScheduler;

class BulkEnqueueTest {
    private final ScriptedCalls store = new ScriptedCalls();
    private final VirtualTimeScheduler clock = VirtualTimeScheduler.create();
    private final AtomicLong asked = new AtomicLong();

    @Test
    void aSourceIsAskedForWhatIsWantedAndNoMore() {
        StepVerifier.create(bulk(tasks(1_000_000)), 10)
                .then(() -> assertThat(asked).hasValue(10))
                .then(() -> assertThat(store.sizes()).containsExactly(10))
                .then(() -> store.sent.get(0).created())
                .expectNextCount(10)
                .then(() -> assertThat(store.sent).hasSize(1))
                .thenRequest(5)
                .then(() -> assertThat(asked).hasValue(15))
                .thenCancel()
                .verify();
    }

    /** A task can be seen before the queue between the threads counts it; then that queue's length is -1. */
    @Test
    @Timeout(60) // as long as it waits for the end
    void aSourceOnAnotherThreadMayBeOvertaken() {
        EnqueueCalls atOnce = (ids, frames, dues) -> Mono.<EnqueueCalls.Outcomes>just(
                        (id, index) -> EnqueueResult.of(id, EnqueueResult.Outcome.CREATED))
                .doFirst(() -> assertThat(ids).isNotEmpty());
        Publisher<Task<?>> slow = Flux.range(0, 300_000)
                .<Task<?>>map(i -> Task.of("mail", i))
                .doOnNext(task -> IntStream.range(0, 300).forEach(spin -> Thread.onSpinWait())) // the queue runs empty
                .hide()
                .subscribeOn(Schedulers.boundedElastic());

        StepVerifier.create(new BulkEnqueue(
                        slow, new Framer(JsonCodec.standard(), Queue.named("q"), true), atOnce, Schedulers.parallel()))
                .expectNextCount(300_000)
                .expectComplete()
                .verify(Duration.ofSeconds(60));
    }

    @Test
    void takeEnqueuesWhatItTakes() {
        StepVerifier.create(bulk(tasks(1_000_000)).take(10))
                .then(() -> store.sent.get(0).created())
                .expectNextCount(10)
                .verifyComplete();

        assertThat(store.ids()).hasSize(10);
    }

    @Test
    void withoutAnswersFourCallsAndOneWindowIsAllThatLeavesTheSource() {
        StepVerifier.create(bulk(tasks(1_000_000)))
                .then(() -> assertThat(asked).hasValue(BulkEnqueue.WINDOW))
                .then(() -> assertThat(store.sizes()).containsExactly(256, 256, 256, 256))
                .then(() -> store.sent.get(0).created())
                .expectNextCount(256)
                .then(() -> assertThat(asked).hasValue(BulkEnqueue.WINDOW + 256))
                .then(() -> assertThat(store.sizes()).containsExactly(256, 256, 256, 256, 256))
                .thenCancel()
                .verify();
    }

    @Test
    void resultsComeInTheOrderOfTheSourceWhateverTheOrderOfTheAnswers() {
        StepVerifier.create(bulk(tasks(512)).map(EnqueueResult::id).collectList())
                .then(() -> store.sent.get(1).created())
                .then(() -> store.sent.get(0).created())
                .expectNext(IntStream.range(0, 512).mapToObj(i -> "t" + i).toList())
                .verifyComplete();
    }

    @Test
    void badTasksAreAnsweredInTheirPlaceAndTheOthersGoOn() {
        Flux<Task<?>> source = Flux.just(
                task(0),
                Task.of("mail", "{".getBytes(StandardCharsets.UTF_8)).id("no JSON"),
                Task.of("mail", "x".repeat(JsonCodec.DEFAULT_LIMIT)).id("large"),
                task(3),
                task(4));

        StepVerifier.create(bulk(source))
                .then(() -> assertThat(store.ids()).containsExactly("t0", "t3", "t4"))
                .then(() -> store.sent.get(0).all(EnqueueResult.Outcome.FULL))
                .assertNext(result -> assertThat(result.isFull()).isTrue())
                .assertNext(result -> {
                    assertThat(result.id()).isEqualTo("no JSON");
                    assertThat(result.error()).isInstanceOf(InvalidTaskException.class);
                    assertThat(result.isRetryable()).isFalse();
                })
                .assertNext(result -> assertThat(result.error()).isInstanceOf(PayloadTooLargeException.class))
                .assertNext(result -> assertThat(result.id()).isEqualTo("t3"))
                .assertNext(result -> assertThat(result.id()).isEqualTo("t4"))
                .verifyComplete();
    }

    @Test
    void nothingIsSentForBadTasksAlone() {
        StepVerifier.create(bulk(Flux.just(Task.of("mail", "x".repeat(JsonCodec.DEFAULT_LIMIT)))))
                .expectNextMatches(EnqueueResult::isFailed)
                .verifyComplete();

        assertThat(store.sent).isEmpty();
    }

    @Test
    void aTaskWithoutAnIdIsAnsweredWithTheOneThatWasMade() {
        StepVerifier.create(bulk(Flux.just(Task.of("mail", 1), Task.of("mail", 2)))
                        .map(EnqueueResult::id)
                        .collectList())
                .then(() -> store.sent.get(0).created())
                .assertNext(ids -> assertThat(ids).isEqualTo(store.ids()).doesNotHaveDuplicates())
                .verifyComplete();
    }

    @Test
    void aCallWithoutAnAnswerIsARetryableResultForEachOfItsTasksAndTheNextOneWaits() {
        StepVerifier.create(bulk(tasks(256 * 6)))
                .then(() -> store.sent.get(0).fail(store.away))
                .recordWith(ArrayList::new)
                .expectNextCount(256)
                .consumeRecordedWith(results ->
                        assertThat(results).allMatch(result -> result.error() == store.away && result.isRetryable()))
                .then(() -> assertThat(store.sent).hasSize(4))
                .then(() -> clock.advanceTimeBy(Duration.ofMillis(10)))
                .then(() -> assertThat(store.sent).hasSize(5))
                .thenCancel()
                .verify();
    }

    @Test
    void theWaitGrowsToASecondAndNotFurther() {
        List<Duration> waits = new ArrayList<>();
        var results = bulk(tasks(1_000_000)).subscribe();
        for (int i = 0; i < 40; i++) {
            int answered = i;
            long before = clock.now(TimeUnit.MILLISECONDS);
            store.sent.get(answered).fail(store.away);
            while (store.sent.size() < answered + 5) {
                clock.advanceTimeBy(Duration.ofMillis(1));
            }
            waits.add(Duration.ofMillis(clock.now(TimeUnit.MILLISECONDS) - before));
        }
        results.dispose();

        assertThat(waits.get(0)).isBetween(Duration.ofMillis(4), Duration.ofMillis(11));
        assertThat(waits.get(39)).isBetween(Duration.ofMillis(499), Duration.ofMillis(1001));
    }

    @Test
    void whatAPausingSourceHasGivenIsSentAtOnce() {
        TestPublisher<Task<?>> source = TestPublisher.create();

        StepVerifier.create(bulk(source))
                .then(() -> source.next(task(0)))
                .then(() -> assertThat(store.ids()).containsExactly("t0"))
                .then(() -> source.next(task(1), task(2), task(3)))
                .then(() -> assertThat(store.sizes()).containsExactly(1, 1))
                .then(() -> store.sent.get(0).created())
                .expectNextCount(1)
                .then(() -> assertThat(store.sizes()).containsExactly(1, 1, 2))
                .thenCancel()
                .verify();
    }

    @Test
    void theErrorOfTheSourceComesAfterTheResultsOfAllBeforeIt() {
        Flux<Task<?>> source = tasks(3).concatWith(Mono.error(new IllegalStateException("source")));

        StepVerifier.create(bulk(source))
                .then(() -> store.sent.forEach(ScriptedCalls.Sent::created))
                .expectNextCount(3)
                .verifyErrorMessage("source");
    }

    @Test
    void anEmptySourceIsAnEmptyResult() {
        StepVerifier.create(bulk(Flux.empty()), 0).verifyComplete();
    }

    @Test
    void cancellingCancelsTheSourceAndDropsWhatIsNotSent() {
        TestPublisher<Task<?>> source = TestPublisher.create();
        var results = bulk(source).subscribe();
        source.next(task(0)).next(task(1)).next(task(2));

        results.dispose();
        store.sent.get(0).created();

        source.assertCancelled();
        assertThat(store.ids()).containsExactly("t0", "t1");
    }

    @Test
    void aSourceThatIgnoresDemandIsCancelledAndReported() {
        TestPublisher<Task<?>> source = TestPublisher.createNoncompliant(TestPublisher.Violation.REQUEST_OVERFLOW);

        StepVerifier.create(bulk(source))
                .then(() -> IntStream.range(0, 3000).forEach(i -> source.next(task(i))))
                .then(() -> {
                    for (int i = 0; i < store.sent.size(); i++) {
                        store.sent.get(i).created();
                    }
                })
                .thenConsumeWhile(EnqueueResult::isCreated)
                .verifyErrorMessage("the source emitted more tasks than it was asked for");
        source.assertCancelled();
    }

    @Test
    void anErrorOfTheMachineEndsTheStreamAndDoesNotHangIt() {
        PayloadCodec broken = new PayloadCodec() {
            @Override
            public byte[] encode(Object payload) {
                throw new Error("thrown by a test");
            }

            @Override
            @SuppressWarnings("TypeParameterUnusedInFormals")
            public <T> T decode(byte[] buffer, int offset, int length, Type type) {
                throw new UnsupportedOperationException();
            }
        };

        StepVerifier.create(new BulkEnqueue(tasks(3), new Framer(broken, Queue.named("q"), true), store, clock))
                .verifyErrorMessage("thrown by a test");
    }

    @Test
    void manyThreadsAndAnswersInAnyOrderKeepTheOrderOfTheSource() {
        EnqueueCalls delayed = (ids, frames, dues) -> Mono.<EnqueueCalls.Outcomes>just(
                        (id, index) -> EnqueueResult.of(id, EnqueueResult.Outcome.CREATED))
                .delayElement(Duration.ofNanos(ThreadLocalRandom.current().nextInt(1_000_000)));
        Flux<Task<?>> source = tasks(50_000).publishOn(Schedulers.boundedElastic(), 64);

        StepVerifier.create(new BulkEnqueue(source, framer(), delayed, Schedulers.parallel())
                        .map(EnqueueResult::id)
                        .limitRate(100)
                        .index()
                        .filter(result -> !result.getT2().equals("t" + result.getT1()))
                        .count())
                .expectNext(0L)
                .expectComplete()
                .verify(Duration.ofSeconds(20));
    }

    @Test
    void aResultHasAnErrorExactlyIfItFailed() {
        assertThatThrownBy(() -> new EnqueueResult("a", EnqueueResult.Outcome.FAILED, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new EnqueueResult("a", EnqueueResult.Outcome.FULL, store.away))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private Flux<EnqueueResult> bulk(Publisher<? extends Task<?>> source) {
        return new BulkEnqueue(source, framer(), store, clock);
    }

    private static Framer framer() {
        return new Framer(JsonCodec.standard(), Queue.named("q"), true);
    }

    private Flux<Task<?>> tasks(int count) {
        return Flux.range(0, count).<Task<?>>map(BulkEnqueueTest::task).doOnRequest(asked::addAndGet);
    }

    private static Task<?> task(int number) {
        return Task.of("mail", number).id("t" + number);
    }
}
