package dev.sluice.client;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.codec.JsonCodec;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueFullException;
import dev.sluice.task.StoreUnavailableException;
import dev.sluice.task.Task;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;
import reactor.test.StepVerifier;

class CoalescerTest {
    private static final int ROOM = 2000;
    private static final Framer FRAMER = new Framer(JsonCodec.standard(), Queue.named("mails"), true);

    private final ScriptedCalls store = new ScriptedCalls();
    private final AtomicLong nanos = new AtomicLong();
    private final Coalescer coalescer = new Coalescer("mails", store, Schedulers.immediate(), ROOM, nanos::get);
    private final List<String> created = new ArrayList<>();
    private final List<Throwable> failed = new ArrayList<>();

    @AfterEach
    void nobodyIsLeftInLineWhenAllIsAnswered() {
        for (int i = 0; i < store.sent.size(); i++) {
            store.sent.get(i).answer().tryEmitError(store.away);
        }
        assertThat(coalescer.waiting()).isZero();
    }

    @Test
    void aLoneTaskGoesOutAtOnce() {
        StepVerifier.create(enqueue("a"))
                .then(() -> store.sent.get(0).all(EnqueueResult.Outcome.EXISTING))
                .expectNext(EnqueueResult.of("a", EnqueueResult.Outcome.EXISTING))
                .verifyComplete();
    }

    @Test
    void nothingIsSentBeforeSubscriptionAndOnceForEach() {
        Mono<EnqueueResult> task = enqueue("a");
        assertThat(store.sent).isEmpty();

        task.subscribe(result -> {}, error -> {});
        task.subscribe(result -> {}, error -> {});

        assertThat(store.ids()).containsExactly("a", "a");
    }

    @Test
    void whatArrivesWhileTwoCallsAreOnTheWaySharesTheNext() {
        subscribe(12);
        assertThat(store.sizes()).containsExactly(1, 1);

        store.sent.get(0).created();

        assertThat(store.sizes()).containsExactly(1, 1, 10);
        store.sent.get(1).created();
        store.sent.get(2).created();
        assertThat(created).containsExactlyElementsOf(names(12));
    }

    @Test
    void tasksThatComeTogetherGoTogether() {
        StepVerifier.create(together(names(300)))
                .then(() -> assertThat(store.sizes()).containsExactly(256, 44))
                .then(() -> store.sent.get(1).all(EnqueueResult.Outcome.EXISTING))
                .then(() -> store.sent.get(0).created())
                .assertNext(results -> {
                    assertThat(results).extracting(EnqueueResult::id).containsExactlyElementsOf(names(300));
                    assertThat(results.subList(0, 256)).allMatch(EnqueueResult::isCreated);
                    assertThat(results.subList(256, 300)).allMatch(EnqueueResult::isExisting);
                })
                .verifyComplete();
        StepVerifier.create(together(List.of())).expectNext(List.of()).verifyComplete();
    }

    @Test
    void ofTasksThatComeTogetherEachHasItsOwnError() {
        subscribe(2);
        List<Task<?>> tasks = List.of(Task.of("t", 1), Task.of("t", "{".getBytes(US_ASCII)), Task.of("t", 3));
        List<EnqueueResult> told = new ArrayList<>();
        coalescer.enqueue(List.of("a", "b", "c"), tasks, FRAMER).subscribe(told::addAll, failed::add);

        store.sent.get(0).created();
        assertThat(store.sent.get(2).ids()).containsExactly("a", "c");
        store.sent.get(2).answer().tryEmitError(store.away);

        assertThat(told).extracting(EnqueueResult::id).containsExactly("a", "b", "c");
        assertThat(told).extracting(EnqueueResult::isRetryable).containsExactly(true, false, true);
        assertThat(told.get(1).error()).isInstanceOf(InvalidTaskException.class);
        assertThat(failed).isEmpty();
    }

    @Test
    void tasksThatComeTogetherAreTakenBackTogether() {
        subscribe(2);
        Disposable cancelled = together(List.of("x", "y")).subscribe(results -> {}, failed::add);
        enqueue("stays").subscribe(result -> {}, error -> {});

        cancelled.dispose();
        store.sent.get(0).created();

        assertThat(store.sent.get(2).ids()).containsExactly("stays");
    }

    @Test
    void ofTasksThatComeTogetherThoseBeyondTheBoundAreRefused() {
        subscribe(2 + 256 * 2);
        List<EnqueueResult> told = new ArrayList<>();

        together(names(ROOM + 10)).subscribe(told::addAll, failed::add);
        answerAll();

        assertThat(told).hasSize(ROOM + 10);
        assertThat(told.subList(0, ROOM)).allMatch(EnqueueResult::isCreated);
        assertThat(told.subList(ROOM, ROOM + 10)).allMatch(it -> it.error() instanceof QueueFullException);
    }

    @Test
    void whatIsBeyondTheBoundAnywayIsNotEvenEncoded() {
        AtomicInteger encoded = new AtomicInteger();
        List<Task<?>> tasks = Collections.nCopies(ROOM * 5, Task.of("t", new Counted(encoded)));
        List<EnqueueResult> told = new ArrayList<>();

        coalescer.enqueue(names(ROOM * 5), tasks, FRAMER).subscribe(told::addAll, failed::add);
        answerAll();

        assertThat(told).filteredOn(EnqueueResult::isCreated).hasSize(ROOM);
        assertThat(encoded).hasValueLessThanOrEqualTo(ROOM);
    }

    @Test
    void anErrorOfTheMachineAsACallIsSentFailsItsTasksAndSilencesNobody() {
        store.thrownOnce = new OutOfMemoryError("on purpose");
        enqueue("a").subscribe(result -> created.add(result.id()), failed::add);
        assertThat(failed).singleElement().isInstanceOf(StoreUnavailableException.class);

        subscribe(3);
        answerAll();

        assertThat(created).containsExactlyElementsOf(names(3));
    }

    @Test
    void fullCallsGoOutUpToFour() {
        subscribe(2 + 256 * 3);
        assertThat(store.sizes()).containsExactly(1, 1, 256, 256);

        store.sent.get(2).created();

        assertThat(store.sizes()).containsExactly(1, 1, 256, 256, 256);
    }

    @Test
    void aCallEndsAtAMebibyte() {
        for (int i = 0; i < 2 + 5; i++) {
            coalescer.enqueue("big" + i, () -> new byte[256 * 1024], () -> 0).subscribe(result -> {}, error -> {});
        }

        assertThat(store.sizes()).containsExactly(1, 1, 4);
    }

    @Test
    void aTaskThatIsCancelledBeforeItsTurnIsNotSent() {
        subscribe(2);
        Disposable cancelled = enqueue("cancelled").subscribe(result -> {}, error -> {});
        enqueue("stays").subscribe(result -> {}, error -> {});

        cancelled.dispose();
        store.sent.get(0).created();

        assertThat(store.sent.get(2).ids()).containsExactly("stays");
    }

    @Test
    void cancellingLaterOnlyDropsTheAnswer() {
        Disposable cancelled = enqueue("a").subscribe(result -> created.add(result.id()));

        cancelled.dispose();
        store.sent.get(0).created();

        assertThat(store.ids()).containsExactly("a");
        assertThat(created).isEmpty();
    }

    @Test
    void beyondTheBoundAMonoFailsAndHasSentNothing() {
        subscribe(ROOM + 256 * 2 + 2);
        assertThat(failed).isEmpty();

        enqueue("too many").subscribe(result -> {}, failed::add);

        assertThat(failed).singleElement().isInstanceOf(QueueFullException.class);
        answerAll();
        assertThat(store.ids()).hasSize(ROOM + 256 * 2 + 2).doesNotContain("too many");
    }

    @Test
    void theBoundCountsBytesToo() {
        subscribe(2);
        int mebibytes = (int) (Coalescer.MAX_WAITING_BYTES / EnqueueCalls.MAX_BYTES) + 2; // two more are on the way
        for (int i = 0; i < mebibytes; i++) {
            coalescer
                    .enqueue("big" + i, () -> new byte[EnqueueCalls.MAX_BYTES], () -> 0)
                    .subscribe(result -> {}, error -> {});
        }

        coalescer
                .enqueue("too big", () -> new byte[EnqueueCalls.MAX_BYTES], () -> 0)
                .subscribe(result -> {}, failed::add);

        assertThat(failed).singleElement().isInstanceOf(QueueFullException.class);
        answerAll();
        assertThat(store.ids()).hasSize(2 + mebibytes);
    }

    @Test
    void cancelledTasksAreCountedUntilTheirTurn() {
        subscribe(2);
        for (int i = 0; i < ROOM * 2; i++) {
            enqueue("gone").subscribe(result -> {}, failed::add).dispose();
        }

        assertThat(coalescer.waiting()).isLessThanOrEqualTo(ROOM);
        assertThat(failed).isNotEmpty();
        answerAll();
    }

    @Test
    void whoHasWaitedTooLongIsToldThatNothingWasSent() {
        subscribe(2);
        enqueue("late").subscribe(result -> {}, failed::add);
        nanos.addAndGet(Coalescer.MAX_WAIT.toNanos() + 1);
        enqueue("fresh").subscribe(result -> {}, error -> {});

        store.sent.get(0).fail(store.away);

        assertThat(failed)
                .hasSize(2)
                .contains(store.away)
                .allMatch(StoreUnavailableException.class::isInstance)
                .anyMatch(error -> error.getMessage().contains("was not sent"));
        assertThat(store.sent.get(2).ids()).containsExactly("fresh");
    }

    @Test
    void aFailedCallFailsItsOwnTasksOnly() {
        enqueue("a").subscribe(result -> {}, failed::add);
        enqueue("b").subscribe(result -> created.add(result.id()));

        store.sent.get(0).fail(store.away);
        store.sent.get(1).created();

        assertThat(failed).containsExactly(store.away);
        assertThat(created).containsExactly("b");
    }

    @Test
    void aSubscriberThatThrowsSilencesNobody() {
        Hooks.onErrorDropped(failed::add);
        try {
            subscribe(2);
            enqueue("throws").subscribe(new Throwing());
            enqueue("hears").subscribe(result -> created.add(result.id()));

            answerAll();
        } finally {
            Hooks.resetOnErrorDropped();
        }

        assertThat(created).contains("hears");
        assertThat(failed).singleElement().isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aSubscriberWhoseErrorPathIsBrokenSilencesNobody() {
        Hooks.onErrorDropped(dropped -> {});
        try {
            subscribe(2);
            enqueue("broken")
                    .onErrorMap(error -> {
                        throw new NoClassDefFoundError("thrown by a test");
                    })
                    .subscribe();
            enqueue("hears").subscribe(result -> {}, failed::add);

            for (int i = 0; i < store.sent.size(); i++) { // grows meanwhile
                store.sent.get(i).fail(store.away);
            }
        } finally {
            Hooks.resetOnErrorDropped();
        }

        assertThat(failed).hasSize(3).containsOnly(store.away);
    }

    private static final class Throwing implements CoreSubscriber<EnqueueResult> {
        @Override
        public void onSubscribe(Subscription subscription) {
            subscription.request(1);
        }

        @Override
        public void onNext(EnqueueResult result) {
            throw new IllegalStateException("thrown by a test");
        }

        @Override
        public void onError(Throwable error) {
            throw new IllegalStateException("thrown by a test");
        }

        @Override
        public void onComplete() {}
    }

    private Mono<EnqueueResult> enqueue(String id) {
        return coalescer.enqueue(id, () -> new byte[] {1}, () -> 0);
    }

    private Mono<List<EnqueueResult>> together(List<String> ids) {
        return coalescer.enqueue(ids, ids.stream().map(id -> Task.of("t", 1)).toList(), FRAMER);
    }

    private void subscribe(int count) {
        names(count).forEach(name -> enqueue(name).subscribe(result -> created.add(result.id()), failed::add));
    }

    private void answerAll() {
        for (int i = 0; i < store.sent.size(); i++) { // grows meanwhile
            store.sent.get(i).answer().tryEmitValue((id, index) -> EnqueueResult.of(id, EnqueueResult.Outcome.CREATED));
        }
    }

    private static List<String> names(int count) {
        return count == 0
                ? Collections.emptyList()
                : IntStream.range(0, count).mapToObj(i -> "t" + i).toList();
    }

    /** What counts how often it is encoded. */
    record Counted(AtomicInteger encodings) {
        @Override
        public AtomicInteger encodings() {
            encodings.incrementAndGet();
            return encodings;
        }
    }
}
