package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscriber;
import reactor.core.publisher.Hooks;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Operators;

class RouteTest {
    @AfterEach
    void forget() {
        Hooks.resetOnErrorDropped();
    }

    @Test
    @SuppressWarnings("NullAway") // its handler looks at no call, and nothing is sent to one who is gone
    void aRefusalThatComesWhenItsClientIsGoneIsNoErrorOfTheProgram() {
        List<Throwable> dropped = new ArrayList<>();
        Hooks.onErrorDropped(dropped::add);
        List<Subscriber<?>> askers = new ArrayList<>();
        Route route = Route.answering(call -> Mono.fromDirect(asker -> {
            asker.onSubscribe(Operators.emptySubscription()); // too late to be cancelled
            askers.add(asker);
        }));

        route.serve(null, null).subscribe().dispose();
        askers.get(0).onError(Problem.of(404, "task-unknown", "nothing of this id lives"));

        assertThat(dropped).isEmpty();
    }
}
