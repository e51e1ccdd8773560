package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonCodec;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The JSON of a task, as a command is given it. */
final class Payload {
    static final String DESCRIPTION =
            "JSON, or @FILE for the content of a file, or - for standard input; default: null. Behind -- it may begin with"
                    + " a minus.";

    private Payload() {}

    /** Reads and checks it; null stands for the JSON null. */
    static byte[] json(@Nullable String payload, Terminal terminal) {
        String given = payload == null ? "null" : payload;
        boolean elsewhere = given.equals("-") || given.startsWith("@");
        String source = given.startsWith("@") ? given.substring(1) : given;
        byte[] json = elsewhere ? Content.of(source, terminal).trimmed() : given.getBytes(StandardCharsets.UTF_8);
        try {
            return JsonCodec.standard().encode(json);
        } catch (InvalidTaskException | PayloadTooLargeException e) {
            boolean unquoted = !elsewhere && !given.isEmpty() && "{[\"".indexOf(given.charAt(0)) < 0;
            throw Refusal.mistaken((elsewhere ? Content.name(source) + ": " : "")
                    + e.getMessage()
                    + (unquoted ? "; JSON text needs quotes of its own: '\"text\"'" : ""));
        }
    }
}
