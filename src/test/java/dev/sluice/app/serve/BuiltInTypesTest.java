package dev.sluice.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.dispatch.TaskContext;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.task.Verdict;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class BuiltInTypesTest {
    private final TaskLog log = new TaskLog((Narrator) proxy(Narrator.class));

    @Test
    void aHandlerThatIsToldOfStillChoosesHowItsTaskEnds() throws Exception {
        BuiltInTypes types = new BuiltInTypes(log, context -> false);

        assertThat(emittedBy(types.observed(context -> Mono.just(Verdict.discarded()))))
                .isEqualTo(Verdict.discarded());
        assertThat(emittedBy(types.observed(context -> Mono.just(42)))).isEqualTo(42);
        assertThat(emittedBy(types.observed(context -> Mono.empty()))).isNull();
    }

    @SuppressWarnings("unchecked") // it has no payload
    private static Object emittedBy(TaskHandler<Void> handler) throws Exception {
        return handler.handle((TaskContext<Void>) proxy(TaskContext.class)).block();
    }

    /** Answers as little as it may. */
    private static Object proxy(Class<?> type) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, arguments) -> {
            return method.getReturnType() == int.class ? 1 : method.getReturnType() == String.class ? "x" : null;
        });
    }
}
