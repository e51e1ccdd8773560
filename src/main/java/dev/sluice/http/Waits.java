package dev.sluice.http;

import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskResult;
import dev.sluice.codec.Durations;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.AwaitTimeoutException;
import dev.sluice.task.ResultMissingException;
import dev.sluice.task.TaskCancelledException;
import dev.sluice.task.TaskDiscardedException;
import dev.sluice.task.TaskEndedException;
import dev.sluice.task.TaskState;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** The end of a task, for a request that waits for it. */
final class Waits {
    private static final String WAIT = "wait";

    static final Set<String> PARAMETERS = Set.of(WAIT);
    static final Duration LONGEST = Duration.ofSeconds(30);

    private Waits() {}

    /** For how long a request waits; null if it does not. */
    static @Nullable Duration asked(Target target) {
        String text = target.parameter(WAIT);
        if (text == null) {
            return null;
        }
        Duration wait;
        try {
            wait = Durations.parse(text);
        } catch (IllegalArgumentException noDuration) {
            wait = Duration.ZERO; // refused below
        }
        if (wait.isZero() || wait.compareTo(LONGEST) > 0) {
            throw Problem.of(
                            400,
                            "bad-parameter",
                            "it must be a number and ms or s, 1ms to " + LONGEST.toSeconds() + "s, such as 10s")
                    .fact("parameter", WAIT);
        }
        return wait;
    }

    /** How that task ends; empty if nothing is known of it, if it does not end in time, or if the server stops before. */
    static Mono<JsonDocument> end(TaskClient client, String id, Duration wait, Mono<Void> stopping, JsonDocument into) {
        return client.await(id, wait)
                .map(result -> described(result, into))
                .onErrorResume(TaskEndedException.class, ended -> Mono.justOrEmpty(ofNothing(ended, into)))
                .onErrorResume(AwaitTimeoutException.class, late -> Mono.empty())
                .takeUntilOther(stopping);
    }

    /** Adds to {@code into} how a task ended. */
    static JsonDocument described(TaskResult result, JsonDocument into) {
        Duration ran = result.ran();
        byte[] value = result.json();
        described(result.state(), into)
                .put("attempts", result.attempts())
                .put("endedAt", result.endedAt())
                .put("ranMs", ran == null ? null : ran.toMillis())
                .put("failure", JsonDocument.of(result.failure()));
        return value == null ? into : into.putJson("value", value);
    }

    private static JsonDocument described(TaskState state, JsonDocument into) {
        return into.put("state", state.word());
    }

    /** Nothing is kept of it but in what way it ended. */
    private static @Nullable JsonDocument ofNothing(TaskEndedException ended, JsonDocument into) {
        if (ended instanceof ResultMissingException) {
            return null;
        }
        TaskState state = ended instanceof TaskCancelledException
                ? TaskState.CANCELLED
                : ended instanceof TaskDiscardedException ? TaskState.DISCARDED : TaskState.DEAD;
        return described(state, into)
                .put("attempts", null)
                .put("endedAt", null)
                .put("ranMs", null)
                .put("failure", null);
    }
}
