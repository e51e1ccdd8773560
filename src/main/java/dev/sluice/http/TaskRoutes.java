package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.client.Cancellation;
import dev.sluice.client.EnqueueResult;
import dev.sluice.codec.JsonDocument;
import dev.sluice.codec.TaskForm;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import dev.sluice.task.TaskInfo;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Enqueue a task, look at it, cancel it. */
final class TaskRoutes {
    private static final String IDEMPOTENCY_KEY = "Idempotency-Key";

    private final Sluice sluice;
    private final KnownQueues queues;
    private final int maxBody;

    TaskRoutes(Sluice sluice, KnownQueues queues, int maxBody) {
        this.sluice = sluice;
        this.queues = queues;
        this.maxBody = maxBody;
    }

    Mono<Answer> enqueue(Call call, String queue) {
        call.checkContent(Answer.JSON);
        String key = key(call);
        return call.body(maxBody)
                .map(body -> withId(TaskForm.read(body, 0, body.length), key))
                .flatMap(task -> queues.find(queue)
                        .flatMap(parts -> parts.client().enqueue(task))
                        .map(result -> enqueued(queue, result))
                        .doOnError(StoreRefusedException.class, stale -> queues.forget(queue))
                        // The outcome may be unknown: with the id the caller can ask again without making two of it.
                        .onErrorMap(failure -> Problem.of(failure).fact("id", String.valueOf(task.id()))));
    }

    Mono<Answer> look(String queue, String id) {
        return queues.find(queue)
                .flatMap(parts -> sluice.task(parts.queue(), id))
                .map(task -> Answer.of(200, described(queue, task)))
                .switchIfEmpty(Mono.error(() -> unknown(id)));
    }

    Mono<Answer> cancel(String queue, String id) {
        return queues.find(queue).flatMap(parts -> parts.client().cancel(id)).map(met -> cancelled(queue, id, met));
    }

    static String location(String queue, String id) {
        return "/v1/queues/" + encoded(queue) + "/tasks/" + encoded(id);
    }

    /** Also a task without an id of its own gets one here, so that it can be told whatever happens. */
    static Task<byte[]> withId(Task<byte[]> task, @Nullable String key) {
        String id = task.id();
        if (key != null && id != null && !key.equals(id)) {
            throw Problem.of(
                            400,
                            "invalid-task",
                            "the id of the task and the " + IDEMPOTENCY_KEY + " differ; one is enough")
                    .fact("field", "id");
        }
        return id != null ? task : task.id(key != null ? key : TaskId.random());
    }

    /** Bytes that are not ASCII would be an id that the same task does not have in a body. */
    private static @Nullable String key(Call call) {
        String key = call.header(IDEMPOTENCY_KEY);
        if (key != null && !key.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw Problem.of(400, "invalid-task", "the " + IDEMPOTENCY_KEY + " must be visible ASCII characters")
                    .fact("field", "id");
        }
        return key;
    }

    static Problem full() {
        return Problem.passing(429, "queue-full", "the queue holds as many tasks as it may; this one was not taken");
    }

    private static Answer enqueued(String queue, EnqueueResult result) {
        if (result.isFull()) {
            throw full();
        }
        String place = location(queue, result.id());
        JsonDocument body = new JsonDocument()
                .put("id", result.id())
                .put("queue", queue)
                .put("outcome", result.outcome().name().toLowerCase(Locale.ROOT));
        return Answer.of(result.isCreated() ? 201 : 200, body).header(HttpHeaderNames.LOCATION, place);
    }

    private static JsonDocument described(String queue, TaskInfo task) {
        Duration due = task.due();
        Duration dead = task.dead();
        return new JsonDocument()
                .put("id", task.id())
                .put("queue", queue)
                .put("state", task.state().word())
                .put("attempts", task.attempts())
                .put("crashes", task.crashes())
                .put("dueInMs", due == null ? null : due.toMillis())
                .put("deadForMs", dead == null ? null : dead.toMillis());
    }

    private static Answer cancelled(String queue, String id, Cancellation met) {
        JsonDocument body = new JsonDocument()
                .put("id", id)
                .put("queue", queue)
                .put("cancellation", met.name().toLowerCase(Locale.ROOT));
        return switch (met) {
            case CANCELLED -> Answer.of(200, body);
            case STOPPING -> Answer.of(202, body);
            case DEAD ->
                throw Problem.of(409, "task-dead", "it is a dead letter already: redrive or purge it")
                        .fact("id", id);
            case UNKNOWN -> throw unknown(id);
        };
    }

    private static Problem unknown(String id) {
        return Problem.of(404, "task-unknown", "nothing of this id lives: it has ended, or it never was")
                .fact("id", id);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("%3A", ":");
    }
}
