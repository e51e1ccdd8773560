package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.DeadLetter;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetters;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Failure;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Flux;

/** {@code sluice dead ls}: a page of dead letters. */
@Command(
        name = "ls",
        description = "Lists dead letters, the latest death first.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar dead ls task_queue",
            "  java -jar sluice-server.jar dead ls task_queue --type email.send --error timeout --limit 500 -o json",
            "",
            "Exit codes: 0 done, 1 the queue is unknown or Redis could not be asked, 2 the command line is wrong."
        })
final class DeadLsCommand implements Callable<Integer> {
    private static final int MOST = 10_000;
    private static final int LONGEST_ERROR = 80;

    private static final Duration LONGEST = Duration.ofMinutes(5);

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Mixin
    private DeadFilterOptions filter = new DeadFilterOptions();

    @Option(names = "--oldest", description = "The earliest death first.")
    private boolean oldest;

    @Option(
            names = "--limit",
            paramLabel = "LETTERS",
            description = "List at most that many, 1 to 10000; default: ${DEFAULT-VALUE}.",
            defaultValue = "50")
    private int limit;

    @Option(names = "--after", paramLabel = "CURSOR", description = "Go on where another listing ended.")
    private @Nullable String after;

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    DeadLsCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        if (limit < 1 || limit > MOST) {
            throw Refusal.mistaken("--limit takes 1 to " + MOST + ", was " + limit);
        }
        Session.checkNames(queue, List.of());
        DeadLetterFilter wanted = filter.filter();
        List<Row> found;
        try (Session session = Session.with(redis.address())) {
            DeadLetters letters = DeadQueue.of(session, queue);
            found = session.await(
                    listing(letters, wanted).take(limit + 1L).map(Row::of).collectList(), LONGEST);
        }
        show(found == null ? List.of() : found);
        return 0;
    }

    private Flux<DeadLetter> listing(DeadLetters letters, DeadLetterFilter wanted) {
        String cursor = after;
        if (cursor == null) {
            return oldest ? letters.oldest(wanted) : letters.newest(wanted);
        }
        return oldest ? letters.oldest(wanted, cursor) : letters.newest(wanted, cursor);
    }

    private void show(List<Row> found) {
        List<Row> shown = found.subList(0, Math.min(limit, found.size()));
        String next = found.size() > limit ? shown.get(limit - 1).cursor() : null;
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put("deadLetters", shown.stream().map(Row::json).toList())
                    .put("cursor", next)
                    .toString());
            return;
        }
        if (shown.isEmpty()) {
            terminal.remark(DeadQueue.NO_MATCH);
            return;
        }
        Table table = new Table("DIED AT", "ID", "TYPE", "ATTEMPTS", "REASON", "ERROR");
        shown.forEach(row -> table.row(row.cells.toArray()));
        terminal.say(table.lines(terminal.isColoured()));
        if (next != null) {
            terminal.remark("There are more: --after " + next);
        }
    }

    /** What is shown of a letter, and no more: its payload may be large, and there may be thousands. */
    private record Row(String cursor, JsonDocument json, List<Object> cells) {
        static Row of(DeadLetter letter) {
            return new Row(
                    letter.cursor(),
                    DeadQueue.json(letter),
                    List.of(
                            letter.diedAt(),
                            letter.id(),
                            letter.type() == null ? "-" : letter.type(),
                            letter.attempts(),
                            letter.failure().reason(),
                            brief(letter.failure())));
        }
    }

    private static String brief(Failure failure) {
        String type = failure.type();
        String name = type == null ? "" : type.substring(type.lastIndexOf('.') + 1);
        String text = name.isEmpty() || failure.message().isEmpty()
                ? name + failure.message()
                : name + ": " + failure.message();
        return text.length() <= LONGEST_ERROR
                ? text
                : text.substring(0, text.offsetByCodePoints(0, text.codePointCount(0, LONGEST_ERROR - 1))) + "…";
    }
}
