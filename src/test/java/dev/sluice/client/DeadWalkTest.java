package dev.sluice.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;
import reactor.test.StepVerifier;

/** How long a walk asks again while Redis is away; the clock is a virtual one. */
class DeadWalkTest {
    private final AtomicInteger calls = new AtomicInteger();

    @Test
    void whatIsAnsweredAfterHalfAMinuteWasWorthTheWait() {
        StepVerifier.withVirtualTime(() -> failing(30).retryWhen(DeadWalk.again()))
                .expectSubscription()
                .expectNoEvent(Duration.ofSeconds(5))
                .thenAwait(Duration.ofSeconds(35))
                .expectNext(31)
                .verifyComplete();
    }

    @Test
    void anOutageThatDoesNotEndIsToldByItsOwnErrorWithinFiftySeconds() {
        StepVerifier.withVirtualTime(() -> failing(Integer.MAX_VALUE).retryWhen(DeadWalk.again()))
                .expectSubscription()
                .thenAwait(Duration.ofSeconds(50))
                .verifyErrorSatisfies(error -> assertThat(error)
                        .isInstanceOf(StoreUnavailableException.class)
                        .hasMessage("away"));
        assertThat(calls).hasValueBetween(40, 100);
    }

    @Test
    void soItIsWhereEachAnswerIsWaitedForInVain() {
        StepVerifier.withVirtualTime(() -> Mono.delay(Duration.ofSeconds(2))
                        .then(failing(Integer.MAX_VALUE))
                        .retryWhen(DeadWalk.again()))
                .expectSubscription()
                .thenAwait(Duration.ofSeconds(50))
                .verifyError(StoreUnavailableException.class);
    }

    @Test
    void aRefusalIsNotAskedAgain() {
        StoreRefusedException refused = new StoreRefusedException("wrong-type", "no", null);

        StepVerifier.withVirtualTime(() -> Mono.error(refused).retryWhen(DeadWalk.again()))
                .verifyErrorSatisfies(error -> assertThat(error).isSameAs(refused));
    }

    private Mono<Integer> failing(int times) {
        return Mono.defer(() -> calls.incrementAndGet() <= times
                ? Mono.error(new StoreUnavailableException("away", null))
                : Mono.just(calls.get()));
    }
}
