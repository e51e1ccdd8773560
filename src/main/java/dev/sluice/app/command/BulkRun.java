package dev.sluice.app.command;

import dev.sluice.app.console.Pace;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.SluiceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Many tasks on their way into a queue: shows how far they are, and in the end what became of them. */
final class BulkRun {
    private static final int NAMED_FAILURES = 10;

    private final Terminal terminal;
    private final boolean asJson;
    private final TaskLines tasks;
    private final Pace pace;
    private final List<Failed> failures = new ArrayList<>();
    private long created;
    private long existing;
    private long failed;

    BulkRun(Terminal terminal, boolean asJson, TaskLines tasks) {
        this.terminal = terminal;
        this.asJson = asJson;
        this.tasks = tasks;
        this.pace = new Pace(terminal);
    }

    /** Sends all of them, and returns the exit code; a line that is no task ends it, after what came before. */
    int over(TaskClient client, Session session) throws InterruptedException {
        try {
            session.awaitAll(client.enqueueAll(tasks.tasks()).doOnNext(this::count));
        } finally {
            summarize();
        }
        return failed == 0 ? 0 : 1;
    }

    // Results come one after the other, and the summary after them.
    private synchronized void count(EnqueueResult result) {
        long line = tasks.nextNumber();
        switch (result.outcome()) {
            case CREATED -> created++;
            case EXISTING -> existing++;
            default -> fail(line, result);
        }
        if (pace.isDue()) {
            terminal.news(text());
        }
    }

    private void fail(long line, EnqueueResult result) {
        failed++;
        if (failures.size() < NAMED_FAILURES) {
            SluiceException error = result.error();
            failures.add(new Failed(line, result.id(), error == null ? "the queue is full" : error.getMessage()));
        }
    }

    private synchronized void summarize() {
        for (Failed failure : failures) {
            terminal.remark("line " + failure.line + ": " + failure.error + EnqueueCommand.itsId(failure.id));
        }
        if (failed > failures.size()) {
            terminal.remark("… and " + (failed - failures.size()) + " more failures");
        }
        terminal.say(
                asJson
                        ? new JsonDocument()
                                .put("created", created)
                                .put("existing", existing)
                                .put("failed", failed)
                                .put(
                                        "failures",
                                        failures.stream().map(Failed::json).toList())
                                .toString()
                        : text());
    }

    private String text() {
        return String.format(Locale.ROOT, "%,d created, %,d existing, %,d failed", created, existing, failed);
    }

    /** One that was not taken. */
    private record Failed(long line, String id, @Nullable String error) {
        JsonDocument json() {
            return new JsonDocument().put("line", line).put("id", id).put("error", error);
        }
    }
}
