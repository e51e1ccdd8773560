package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.client.Cancellation;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.codec.TaskForm;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskProgress;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Enqueue a task, look at it, wait for its end, cancel it. */
final class TaskRoutes {
    private static final String IDEMPOTENCY_KEY = "Idempotency-Key";
    private static final List<String> TRACE = List.of("traceparent", "tracestate");

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
        Duration wait = Waits.asked(call.target());
        return call.body(maxBody)
                .map(body -> withId(TaskForm.read(body, 0, body.length), key))
                .map(task -> withTrace(task, call))
                .map(task -> wait == null ? task : task.keepResultForAwait(wait))
                .flatMap(task -> queues.find(queue)
                        .flatMap(parts -> parts.client()
                                .enqueue(task)
                                .flatMap(result -> ended(call, parts.client(), result, wait)
                                        .map(end -> enqueued(queue, result, end))
                                        .switchIfEmpty(Mono.fromCallable(() -> enqueued(queue, result, null)))))
                        .doOnError(StoreRefusedException.class, stale -> queues.forget(queue))
                        // The outcome may be unknown: with the id the caller can ask again without making two of it.
                        .onErrorMap(failure -> Problem.of(failure).fact("id", String.valueOf(task.id()))));
    }

    Mono<Answer> look(Call call, String queue, String id) {
        Duration wait = Waits.asked(call.target());
        return queues.find(queue).flatMap(parts -> {
            JsonDocument place = new JsonDocument().put("id", id).put("queue", queue);
            Mono<JsonDocument> now = sluice.task(parts.queue(), id)
                    .map(task -> described(task, place))
                    .switchIfEmpty(parts.client().result(id).map(result -> Waits.described(result, place)));
            Mono<JsonDocument> end =
                    wait == null ? Mono.empty() : Waits.end(parts.client(), id, wait, call.stopping(), place);
            return end.switchIfEmpty(now)
                    .map(told -> Answer.of(200, told))
                    .switchIfEmpty(Mono.error(() -> unknown(id)));
        });
    }

    Mono<Answer> cancel(String queue, String id) {
        return queues.find(queue).flatMap(parts -> parts.client().cancel(id)).map(met -> cancelled(queue, id, met));
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

    /** The trace of its request, unless it has one of its own. */
    private static Task<byte[]> withTrace(Task<byte[]> task, Call call) {
        boolean hasRoom = task.headers().size() + TRACE.size() <= Task.MAX_HEADERS;
        boolean hasOneParent = call.headers().getAll(TRACE.get(0)).size() == 1;
        if (task.headers().containsKey(TRACE.get(0)) || !hasRoom || !hasOneParent) {
            return task;
        }
        Task<byte[]> traced = task;
        for (String name : TRACE) {
            List<String> lines = call.headers().getAll(name);
            String value = String.join(",", lines); // several lines are one list
            if (!lines.isEmpty() && Task.isValidHeader(name, value)) {
                traced = traced.header(name, value);
            }
        }
        return traced;
    }

    /** Bytes that are not ASCII would be an id that the same task does not have in a body; an empty one that of all who forgot it. */
    static @Nullable String key(Call call) {
        List<String> keys = call.headers().getAll(IDEMPOTENCY_KEY);
        if (keys.isEmpty()) {
            return null;
        }
        String key = keys.get(0);
        if (keys.size() > 1 || key.isEmpty() || !key.chars().allMatch(c -> c > ' ' && c < 127)) {
            throw Problem.of(
                            400, "invalid-task", "the " + IDEMPOTENCY_KEY + " must be one, of visible ASCII characters")
                    .fact("field", "id");
        }
        return key;
    }

    static Problem full() {
        return Problem.passing(429, "queue-full", "the queue holds as many tasks as it may; this one was not taken");
    }

    /** It was taken: whatever becomes of the waiting, that is answered. */
    private static Mono<JsonDocument> ended(
            Call call, TaskClient client, EnqueueResult result, @Nullable Duration wait) {
        return wait == null || !result.isAccepted()
                ? Mono.empty()
                : Waits.end(client, result.id(), wait, call.stopping(), new JsonDocument())
                        .onErrorComplete();
    }

    private static Answer enqueued(String queue, EnqueueResult result, @Nullable JsonDocument end) {
        if (result.isFull()) {
            throw full();
        }
        String place = Target.path(queue, "tasks", result.id());
        JsonDocument body = new JsonDocument()
                .put("id", result.id())
                .put("queue", queue)
                .put("outcome", result.outcome().name().toLowerCase(Locale.ROOT));
        if (end != null) {
            body.put("end", end);
        }
        return Answer.of(result.isCreated() ? 201 : 200, body).header(HttpHeaderNames.LOCATION, place);
    }

    private static JsonDocument described(TaskInfo task, JsonDocument into) {
        Duration due = task.dueIn();
        Duration dead = task.deadFor();
        TaskProgress progress = task.progress();
        return into.put("state", task.state().word())
                .put("attempts", task.attempts())
                .put("crashes", task.crashes())
                .put("dueInMs", due == null ? null : due.toMillis())
                .put("deadForMs", dead == null ? null : dead.toMillis())
                .put(
                        "progress",
                        progress == null
                                ? null
                                : new JsonDocument()
                                        .put("percent", progress.percent())
                                        .put("text", progress.text())
                                        .put("agoMs", progress.ago().toMillis()));
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
        return Problem.of(404, "task-unknown", "nothing of this id lives or is kept: it has ended, or it never was")
                .fact("id", id);
    }
}
