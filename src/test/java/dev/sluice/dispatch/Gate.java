package dev.sluice.dispatch;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/** Where handlers wait, without a thread, until they are let through. */
final class Gate {
    private final Map<String, Sinks.Empty<Void>> waiting = new ConcurrentHashMap<>();
    private final Map<String, Boolean> cancelled = new ConcurrentHashMap<>();
    private volatile boolean open;

    /** Completes when this id, or everybody, is let through. */
    Mono<Void> wait(String id) {
        if (open) {
            return Mono.empty();
        }
        Sinks.Empty<Void> turn = Sinks.empty();
        waiting.put(id, turn);
        if (open) {
            turn.tryEmitEmpty();
        }
        return turn.asMono().doOnCancel(() -> cancelled.put(id, true));
    }

    void pass(String id) {
        Sinks.Empty<Void> turn = waiting.remove(id);
        if (turn == null) {
            throw new AssertionError(id + " does not wait");
        }
        turn.tryEmitEmpty();
    }

    void open() {
        open = true;
        waiting.values().forEach(Sinks.Empty::tryEmitEmpty);
        waiting.clear();
    }

    java.util.Set<String> ids() {
        return waiting.keySet();
    }

    int waiting() {
        return waiting.size();
    }

    int cancelled() {
        return cancelled.size();
    }
}
