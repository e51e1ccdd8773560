package dev.sluice.client;

import dev.sluice.redis.Dues;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreUnavailableException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** A store that answers when the test says so. For one thread. */
final class ScriptedCalls implements EnqueueCalls {
    final StoreUnavailableException away = new StoreUnavailableException("away", null);

    final List<Sent> sent = new ArrayList<>();

    @Nullable
    Error thrownOnce;

    @Override
    public Mono<Outcomes> send(List<String> ids, List<byte[]> frames, Dues dues) {
        Error thrown = thrownOnce;
        if (thrown != null) {
            thrownOnce = null;
            throw thrown;
        }
        Sent call = new Sent(List.copyOf(ids), Sinks.one());
        sent.add(call);
        return call.answer.asMono();
    }

    List<Integer> sizes() {
        return sent.stream().map(call -> call.ids.size()).toList();
    }

    List<String> ids() {
        return sent.stream().flatMap(call -> call.ids.stream()).toList();
    }

    record Sent(List<String> ids, Sinks.One<Outcomes> answer) {
        void created() {
            all(EnqueueResult.Outcome.CREATED);
        }

        void all(EnqueueResult.Outcome outcome) {
            answer.tryEmitValue((id, index) -> EnqueueResult.of(id, outcome)).orThrow();
        }

        void fail(SluiceException error) {
            answer.tryEmitError(error).orThrow();
        }
    }
}
