package dev.sluice.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ObserverTest {

    @Test
    void nobodyListensToNone() {
        assertThat(Observer.none().wantsAttempts()).isFalse();
        assertThat(Observer.none().guarded()).isSameAs(Observer.none());
        for (Method event : events()) {
            assertThatCode(() -> event.invoke(Observer.none(), arguments(event)))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void aGuardedObserverHearsEverything() throws ReflectiveOperationException {
        List<String> heard = new ArrayList<>();
        Observer guarded = new GuardedObserver(observer((proxy, method, arguments) -> {
            heard.add(method.getName() + (arguments == null ? "" : Arrays.toString(arguments)));
            return method.getReturnType() == boolean.class ? true : null;
        }));

        for (Method event : events()) {
            int before = heard.size();
            event.invoke(guarded, arguments(event));

            assertThat(heard).hasSize(before + 1);
            assertThat(heard.get(before))
                    .startsWith(event.getName())
                    .contains(event.getParameterCount() == 0 ? "" : "[" + arguments(event)[0]);
        }
        assertThat(guarded.wantsAttempts()).isTrue();
        assertThat(guarded.guarded()).isSameAs(guarded);
    }

    @Test
    void bothOfTwoHearEverything() throws ReflectiveOperationException {
        List<String> heard = new ArrayList<>();
        Observer one = observer((proxy, method, arguments) -> {
            heard.add(method.getName());
            return method.getReturnType() == boolean.class ? true : null;
        });
        Observer both = new Both(new GuardedObserver(one), new GuardedObserver(one));
        assertThat(heard).containsExactly("wantsAttempts", "wantsAttempts"); // and never again

        for (Method event : events()) {
            heard.clear();
            event.invoke(both, arguments(event));

            assertThat(heard.stream().filter(event.getName()::equals))
                    .hasSize(event.getReturnType() == void.class ? 2 : 0);
        }
    }

    @Test
    void whoseWishForAttemptsChangesIsToldByTheFirst() {
        AtomicBoolean wish = new AtomicBoolean();
        List<Outcome> heard = new ArrayList<>();
        Observer fickle = new Observer() {
            @Override
            public boolean wantsAttempts() {
                return wish.getAndSet(true);
            }

            @Override
            public void attempt(String queue, String type, Outcome outcome, long nanos) {
                heard.add(outcome);
            }
        };

        Observer both = fickle.and(Observer.none());
        both.attempt("q", "t", Outcome.SUCCEEDED, 1);

        assertThat(heard).isEmpty();
        assertThat(both.wantsAttempts()).isFalse();
    }

    @Test
    void whatAnObserverThrowsGoesNoFurther() {
        Observer guarded = new GuardedObserver(observer((proxy, method, arguments) -> {
            if (method.getDeclaringClass() == Object.class) {
                return "a broken observer";
            }
            throw new IllegalStateException("broken");
        }));

        for (Method event : events()) {
            assertThatCode(() -> event.invoke(guarded, arguments(event))).doesNotThrowAnyException();
        }
        assertThat(guarded.wantsAttempts()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(classes = {NoClassDefFoundError.class, StackOverflowError.class, OutOfMemoryError.class})
    void evenAnErrorOfAnObserverStopsAtTheFence(Class<? extends Error> kind) {
        Observer guarded = new GuardedObserver(observer((proxy, method, arguments) -> {
            if (method.getDeclaringClass() == Object.class) {
                return "a broken observer";
            }
            throw kind.getDeclaredConstructor().newInstance();
        }));

        for (Method event : events()) {
            assertThatCode(() -> event.invoke(guarded, arguments(event))).doesNotThrowAnyException();
        }
        assertThat(guarded.wantsAttempts()).isFalse();
    }

    @Test
    void outcomesHaveWords() {
        assertThat(Arrays.stream(Outcome.values()).map(Outcome::word))
                .containsExactly("succeeded", "retried", "snoozed", "dead", "discarded", "cancelled", "released");
    }

    private static Observer observer(java.lang.reflect.InvocationHandler handler) {
        return (Observer)
                Proxy.newProxyInstance(Observer.class.getClassLoader(), new Class<?>[] {Observer.class}, handler);
    }

    private static List<Method> events() {
        List<Method> events = Arrays.stream(Observer.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .filter(method -> method.getReturnType() != Observer.class)
                .toList();
        assertThat(events).hasSize(22);
        return events;
    }

    private static Object[] arguments(Method event) {
        return Arrays.stream(event.getParameterTypes())
                .map(ObserverTest::argument)
                .toArray();
    }

    private static Object argument(Class<?> type) {
        if (type == String.class) {
            return "a";
        }
        if (type == QueueInfo.class) {
            OptionalLong none = OptionalLong.empty();
            return new QueueInfo(Queue.named("a"), 0, 0, 0, none, 0, none, false, false, 0, Optional.empty());
        }
        if (type == Outcome.class) {
            return Outcome.DEAD;
        }
        if (type == boolean.class) {
            return true;
        }
        return type == long.class ? (Object) 1L : (Object) 1;
    }
}
