package dev.sluice.app.command;

import dev.sluice.task.Task;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a task may have of its own, however it is enqueued. */
final class TaskOptions {
    @Option(
            names = "--header",
            paramLabel = "NAME=VALUE",
            description = "A header for the handler; may be given often.")
    private Map<String, String> headers = new LinkedHashMap<>();

    @Option(
            names = "--max-attempts",
            paramLabel = "ATTEMPTS",
            description = "The task's own limit of attempts, from 1; default: the dispatcher's.")
    private @Nullable Integer maxAttempts;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "The task's own limit for one attempt, such as 30s; default: the dispatcher's.")
    private @Nullable Duration timeout;

    @Option(
            names = "--keep-result",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "How long its result is kept after its end, such as 1h; default: what the dispatcher says.")
    private @Nullable Duration keepResult;

    boolean isEmpty() {
        return headers.isEmpty() && maxAttempts == null && timeout == null && keepResult == null;
    }

    /** The task with what was given; throws what {@link Task} throws. */
    Task<byte[]> addTo(Task<byte[]> plain) {
        Task<byte[]> task = plain.headers(headers);
        task = maxAttempts == null ? task : task.maxAttempts(maxAttempts);
        task = keepResult == null ? task : task.keepResult(keepResult);
        return timeout == null ? task : task.timeout(timeout);
    }
}
