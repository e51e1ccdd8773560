package dev.sluice.dispatch;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import reactor.core.publisher.Mono;

/** A handler that remembers every attempt it was given. */
final class Runs<T> implements TaskHandler<T> {
    final List<TaskContext<T>> all = new CopyOnWriteArrayList<>();
    private final Map<String, Integer> byId = new ConcurrentHashMap<>();
    private final AtomicInteger total = new AtomicInteger();
    private final TaskHandler<T> then;

    Runs(TaskHandler<T> then) {
        this.then = then;
    }

    static <T> Runs<T> succeeding() {
        return new Runs<>(context -> Mono.empty());
    }

    @Override
    public Mono<?> handle(TaskContext<T> context) throws Exception {
        if (all.size() < 1000) {
            all.add(context);
        }
        byId.merge(context.id(), 1, Integer::sum);
        total.incrementAndGet(); // the last: who waits for a count finds everything
        return then.handle(context);
    }

    int count() {
        return total.get();
    }

    int count(String id) {
        return byId.getOrDefault(id, 0);
    }

    /** How many different tasks ran. */
    int tasks() {
        return byId.size();
    }

    /** How many attempts were more than the first of their task. */
    int repeats() {
        return byId.values().stream().mapToInt(runs -> runs - 1).sum();
    }

    TaskContext<T> only() {
        if (all.size() != 1) {
            throw new AssertionError("one run was expected, but there were " + all);
        }
        return all.get(0);
    }
}
