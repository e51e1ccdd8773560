package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.DeadLetter;
import dev.sluice.codec.JsonDocument;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code sluice dead show}: all that is known of one dead letter. */
@Command(
        name = "show",
        description = "Shows all of one dead letter: what it was, why it ended, its payload.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "In JSON, payload is the task's own, byte by byte; what is no readable task has raw, its bytes as text.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar dead show task_queue mail-1",
            "  java -jar sluice-server.jar dead show task_queue mail-1 -o json",
            "",
            "Exit codes: 0 done, 1 there is no such dead letter or Redis could not be asked, 2 the command line is wrong."
        })
final class DeadShowCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1", paramLabel = "ID", description = "The task's id.")
    private String id = "";

    DeadShowCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        Session.checkNames(queue, List.of(id));
        DeadLetter letter;
        try (Session session = Session.with(redis.address())) {
            letter = session.await(DeadQueue.of(session, queue).find(id));
        }
        if (letter == null) {
            throw Refusal.failed("Queue '" + queue + "' has no dead letter '" + Table.printable(id) + "'");
        }
        if (output.isJson()) {
            terminal.say(json(letter));
        } else {
            terminal.say(lines(letter));
        }
        return 0;
    }

    /** The payload goes in as it is: read and written again, its numbers might change. */
    private String json(DeadLetter letter) {
        JsonDocument json = DeadQueue.json(letter)
                .put("queue", queue)
                .put("trace", letter.failure().trace())
                .put("headers", letter.headers());
        String payload = letter.payloadText();
        return (letter.isReadable()
                        ? json.putJson("payload", payload.getBytes(StandardCharsets.UTF_8))
                        : json.put("raw", payload))
                .toString();
    }

    private static String[] lines(DeadLetter letter) {
        List<String> lines = new ArrayList<>();
        add(lines, "id", letter.id());
        add(lines, "type", letter.type() == null ? "-" : letter.type());
        add(lines, "died at", letter.diedAt().toString());
        add(lines, "reason", letter.failure().reason());
        add(
                lines,
                "error",
                letter.failure().type() == null ? "-" : letter.failure().type());
        add(lines, "message", letter.failure().message());
        letter.failure().trace().lines().forEach(line -> add(lines, "", line));
        add(lines, "attempts", Integer.toString(letter.attempts()));
        add(lines, "crashes", Integer.toString(letter.crashes()));
        add(lines, "origin", letter.isForeign() ? "foreign" : "client");
        letter.headers().forEach((name, value) -> add(lines, "header", name + "=" + value));
        add(lines, letter.isReadable() ? "payload" : "raw", letter.payloadText());
        return lines.toArray(String[]::new);
    }

    private static void add(List<String> lines, String name, String value) {
        lines.add(String.format("%-9s ", name).concat(Table.printable(value)).stripTrailing());
    }
}
