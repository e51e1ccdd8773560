package dev.sluice.app.command;

import dev.sluice.Sluice;
import dev.sluice.client.TaskResult;
import dev.sluice.codec.Durations;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Failure;
import dev.sluice.task.Queue;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskProgress;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** One task as {@code status} shows it: it lives, its end is kept, or nothing is known of it. */
record TaskLook(
        String id, @Nullable TaskInfo living, @Nullable TaskResult ended) {

    /** Looks at the living first: a task that ends meanwhile is found at the second look, if anything is kept. */
    static Mono<TaskLook> at(Sluice sluice, Queue queue, String id) {
        return sluice.task(queue, id)
                .map(task -> new TaskLook(id, task, null))
                .switchIfEmpty(sluice.client(queue).result(id).map(result -> new TaskLook(id, null, result)))
                .defaultIfEmpty(unknown(id));
    }

    static TaskLook unknown(String id) {
        return new TaskLook(id, null, null);
    }

    boolean isUnknown() {
        return living == null && ended == null;
    }

    String state() {
        TaskInfo task = living;
        TaskResult result = ended;
        return task != null
                ? task.state().word()
                : result != null ? result.state().word() : "unknown";
    }

    /** What there is to say beside the state; may be empty. */
    String detail() {
        TaskInfo task = living;
        TaskResult result = ended;
        if (task != null) {
            return detail(task);
        }
        return result == null ? "" : detail(result);
    }

    private static String detail(TaskInfo task) {
        Duration due = task.dueIn();
        Duration dead = task.deadFor();
        TaskProgress progress = task.progress();
        String attempts = task.attempts() == 0 ? "" : ", attempts " + task.attempts();
        if (dead != null) {
            return "for " + rounded(dead) + attempts;
        } else if (due != null) {
            return (due.isNegative() ? "is due" : "due in " + rounded(due)) + attempts;
        } else if (progress == null) {
            return attempts.isEmpty() ? "" : attempts.substring(2);
        }
        String text = progress.text().isEmpty() ? "" : " " + progress.text();
        return progress.percent() + " %" + text + ", " + rounded(progress.ago()) + " ago" + attempts;
    }

    private static String detail(TaskResult result) {
        Failure problem = result.failure();
        Duration ran = result.ran();
        byte[] json = result.json();
        return "at " + result.endedAt() + ", attempts " + result.attempts()
                + (ran == null ? "" : ", ran " + String.format(Locale.ROOT, "%,d ms", ran.toMillis()))
                + (json == null ? "" : ", result of " + String.format(Locale.ROOT, "%,d bytes", json.length))
                + (problem == null ? "" : ", " + problem.reason());
    }

    /** Whole seconds from one second on: nobody reads milliseconds of what has passed by. */
    private static String rounded(Duration time) {
        return Durations.text(time.toMillis() < 1000 ? time : Duration.ofSeconds(time.toSeconds()));
    }

    /** What is not known, or does not apply, is absent; but for the state. */
    JsonDocument json() {
        JsonDocument json = new JsonDocument().put("id", id).put("state", isUnknown() ? null : state());
        TaskInfo task = living;
        TaskResult result = ended;
        if (task != null) {
            describe(json, task);
        } else if (result != null) {
            describe(json, result);
        }
        return json;
    }

    private static void describe(JsonDocument json, TaskInfo task) {
        Duration due = task.dueIn();
        Duration dead = task.deadFor();
        TaskProgress progress = task.progress();
        if (task.attempts() > 0) {
            json.put("attempts", task.attempts());
        }
        if (due != null) {
            json.put("dueInMs", due.toMillis());
        }
        if (dead != null) {
            json.put("deadForMs", dead.toMillis());
        }
        if (progress != null) {
            json.put(
                    "progress",
                    new JsonDocument()
                            .put("percent", progress.percent())
                            .put("text", progress.text())
                            .put("agoMs", progress.ago().toMillis()));
        }
    }

    private static void describe(JsonDocument json, TaskResult result) {
        Failure problem = result.failure();
        Duration ran = result.ran();
        byte[] value = result.json();
        json.put("endedAt", result.endedAt().toString()).put("attempts", result.attempts());
        if (ran != null) {
            json.put("ranMs", ran.toMillis());
        }
        if (problem != null) {
            json.put("failure", JsonDocument.of(problem));
        }
        if (value != null) {
            json.putJson("value", value);
        }
    }
}
