package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.client.DeadLetter;
import dev.sluice.client.DeadLetters;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.TaskId;
import java.time.Duration;
import java.util.List;

/** A queue whose dead letters a command is about; looking at it never makes a new one. */
final class DeadQueue {
    static final Duration PATIENCE = Duration.ofSeconds(30);
    static final String NO_MATCH = "No dead letter matches.";

    private DeadQueue() {}

    static void check(String queue, List<String> ids) {
        try {
            Queue.named(queue);
            ids.forEach(TaskId::check);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    static DeadLetters of(Session session, String queue) throws InterruptedException {
        QueueInfo known = session.await(session.sluice().queue(queue), PATIENCE);
        if (known == null) {
            throw Refusal.failed("nobody has worked on a queue '" + queue + "' in this Redis yet");
        }
        return session.sluice().deadLetters(known.queue());
    }

    /** What is told of a dead letter in every listing; its payload is not. */
    static Json json(DeadLetter letter) {
        return new Json()
                .put("id", letter.id())
                .put("type", letter.type())
                .put("reason", letter.failure().reason())
                .put("error", letter.failure().type())
                .put("message", letter.failure().message())
                .put("attempts", letter.attempts())
                .put("crashes", letter.crashes())
                .put("diedAt", letter.diedAt().toString())
                .put("origin", letter.isForeign() ? "foreign" : "client");
    }
}
