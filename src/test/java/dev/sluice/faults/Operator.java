package dev.sluice.faults;

import dev.sluice.client.Cancellation;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetters;
import dev.sluice.client.TaskClient;
import dev.sluice.task.SluiceException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/**
 * Cancels tasks, offers some once more, pauses and drains the queue and redrives dead letters, as drawn from a seed, and
 * remembers what it was answered.
 */
final class Operator {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Random random;
    private final TaskClient client;
    private final DeadLetters dead;
    private final Supplier<List<String>> known;
    private final Consumer<String> again;
    private final Map<String, Integer> cancelled = new ConcurrentHashMap<>();
    private final Map<String, Integer> doubtful = new ConcurrentHashMap<>();
    private final Set<String> stopping = ConcurrentHashMap.newKeySet();
    private int pauses;

    /**
     * Cancels what is {@code known}, and has it put in {@code again} half of the times that it was, and now and then without.
     */
    Operator(long seed, TaskClient client, DeadLetters dead, Supplier<List<String>> known, Consumer<String> again) {
        this.random = new Random(seed);
        this.client = client;
        this.dead = dead;
        this.known = known;
        this.again = again;
    }

    /** Does one thing. */
    void act() {
        switch (random.nextInt(10)) {
            case 0, 1, 2, 3, 4 -> cancelSome(1 + random.nextInt(6));
            case 5 -> offerSome(1 + random.nextInt(6));
            case 6 -> hold(client.pause(), random.nextInt(300));
            case 7 -> hold(client.drain(), random.nextInt(300));
            default -> redrive();
        }
    }

    /** Those of which a run may have been told to end. */
    Set<String> stopping() {
        return stopping;
    }

    /** How often this task was cancelled before it ran, at least. */
    int cancelled(String id) {
        return cancelled.getOrDefault(id, 0);
    }

    /** How often it may have been cancelled beyond that, for an answer was lost. */
    int doubtful(String id) {
        return doubtful.getOrDefault(id, 0);
    }

    int cancellations() {
        return cancelled.values().stream().mapToInt(Integer::intValue).sum() + stopping.size();
    }

    /** How often the queue was paused or drained, and resumed. */
    int pauses() {
        return pauses;
    }

    private void cancelSome(int count) {
        List<String> ids = known.get();
        for (int i = 0; i < count && !ids.isEmpty(); i++) {
            // The latest are those that have not ended yet.
            cancel(ids.get(Math.max(0, ids.size() - 1 - random.nextInt(40))), random.nextBoolean());
        }
    }

    /** As one does who never heard of an answer, or wants the same once more. */
    private void offerSome(int count) {
        List<String> ids = known.get();
        for (int i = 0; i < count && !ids.isEmpty(); i++) {
            again.accept(ids.get(random.nextInt(ids.size())));
        }
    }

    private void cancel(String id, boolean again) {
        Cancellation answer = once(client.cancel(id));
        if (answer == null) {
            doubtful.merge(id, 1, Integer::sum);
            stopping.add(id);
        } else if (answer == Cancellation.STOPPING) {
            stopping.add(id);
        } else if (answer == Cancellation.CANCELLED) {
            cancelled.merge(id, 1, Integer::sum);
            if (again) {
                this.again.accept(id);
            }
        }
    }

    private void hold(Mono<?> begin, int ms) {
        untilAnswered(begin);
        LockSupport.parkNanos(ms * 1_000_000L);
        untilAnswered(client.resume());
        pauses++;
    }

    /** All that are dead now; what a lost answer leaves is done by the next. */
    void redrive() {
        once(dead.redriveAll(DeadLetterFilter.all()).last());
    }

    private static void untilAnswered(Mono<?> call) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (once(call) == null) {
            if (System.nanoTime() > end) {
                throw new AssertionError("no answer in " + PATIENCE);
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** The answer; null if there is none. */
    private static <T> @Nullable T once(Mono<T> call) {
        try {
            return call.block(PATIENCE);
        } catch (SluiceException unavailable) {
            return null;
        }
    }
}
