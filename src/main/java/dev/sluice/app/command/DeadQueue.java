package dev.sluice.app.command;

import dev.sluice.client.DeadLetter;
import dev.sluice.client.DeadLetters;
import dev.sluice.codec.JsonDocument;

/** A queue whose dead letters a command is about; looking at it never makes a new one. */
final class DeadQueue {
    static final String NO_MATCH = "No dead letter matches.";

    private DeadQueue() {}

    static DeadLetters of(Session session, String queue) throws InterruptedException {
        return session.sluice().deadLetters(session.known(queue).queue());
    }

    /** What is told of a dead letter in every listing; its payload is not. */
    static JsonDocument json(DeadLetter letter) {
        return new JsonDocument()
                .put("id", letter.id())
                .put("type", letter.type())
                .put("reason", letter.failure().reason())
                .put("error", letter.failure().type())
                .put("message", letter.failure().message())
                .put("attempts", letter.attempts())
                .put("crashes", letter.crashes())
                .put("diedAt", letter.diedAt().toString())
                .put("foreign", letter.isForeign());
    }
}
