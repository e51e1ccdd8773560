package dev.sluice.app.command;

import dev.sluice.app.console.Pace;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.CancelProgress;
import dev.sluice.client.TaskClient;
import dev.sluice.client.TaskFilter;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.TaskState;
import java.time.Instant;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import reactor.core.publisher.Flux;

/** Tasks that are cancelled by what they are: which ones, how far it is, and what came out. */
final class CancelMany {
    static final String NAMES = "--type, --state, --due-before";

    private CancelProgress progress = new CancelProgress(0, 0, 0);

    @Option(names = "--type", paramLabel = "TYPE", description = "Tasks of this type that do not run.")
    private @Nullable String type;

    @Option(
            names = "--state",
            paramLabel = "STATE",
            description = "Tasks in this state: queued, scheduled or retrying.")
    private @Nullable String state;

    @Option(
            names = "--due-before",
            paramLabel = "TIME",
            converter = InstantConverter.class,
            description = "Scheduled and retrying tasks that are due before this time, such as 2026-11-24T10:00:00Z.")
    private @Nullable Instant dueBefore;

    @Option(names = "--all", description = "All tasks that do not run; needs --yes.")
    private boolean all;

    @Option(names = "--yes", description = "Yes, --all of them.")
    private boolean yes;

    @Option(names = "--dry-run", description = "Only count those that a filter or --all means, and change nothing.")
    private boolean dryRun;

    /** Whether it was asked for many; refuses what must be confirmed, or is asked for twice. */
    boolean isWanted(boolean namesIds) {
        boolean filters = Stream.of(type, state, dueBefore).anyMatch(Objects::nonNull);
        if (!namesIds && !filters && !all) {
            throw Refusal.mistaken("Which ones? Name ids, or use " + NAMES + ", or --all");
        }
        if ((namesIds ? 1 : 0) + (filters ? 1 : 0) + (all ? 1 : 0) > 1) {
            throw Refusal.mistaken("Ids, filters and --all exclude each other");
        }
        if (dryRun && namesIds) {
            throw Refusal.mistaken("--dry-run counts what a filter or --all means; look at single ones with status");
        }
        if (all && !yes && !dryRun) {
            throw Refusal.mistaken(
                    "--all cancels every task of the queue that does not run: add --yes, or --dry-run to see how many"
                            + " there are");
        }
        return !namesIds;
    }

    TaskFilter filter() {
        try {
            TaskFilter filter = TaskFilter.all();
            filter = type == null ? filter : filter.type(type);
            filter = state == null ? filter : filter.state(stateOf(state));
            return dueBefore == null ? filter : filter.dueBefore(dueBefore);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    private static TaskState stateOf(String word) {
        TaskState known = TaskState.ofWord(word.toLowerCase(Locale.ROOT));
        if (known == null) {
            throw Refusal.mistaken("--state must be queued, scheduled or retrying, was '" + word + "'");
        }
        return known;
    }

    void over(TaskClient client, TaskFilter filter, Session session, Terminal terminal) throws InterruptedException {
        Pace pace = new Pace(terminal);
        Flux<CancelProgress> work = dryRun ? client.count(filter) : client.cancelAll(filter);
        session.awaitAll(work.doOnNext(now -> advance(now, pace, terminal)));
    }

    private synchronized void advance(CancelProgress now, Pace pace, Terminal terminal) {
        progress = now;
        if (pace.isDue()) {
            terminal.news(text());
        }
    }

    synchronized String text() {
        return dryRun
                ? String.format(
                        Locale.ROOT,
                        "%,d of %,d tasks that do not run would be cancelled",
                        progress.matched(),
                        progress.examined())
                : String.format(
                        Locale.ROOT,
                        "%,d examined, %,d matched, %,d cancelled",
                        progress.examined(),
                        progress.matched(),
                        progress.cancelled());
    }

    synchronized JsonDocument json(String queue) {
        return new JsonDocument()
                .put("queue", queue)
                .put("examined", progress.examined())
                .put("matched", progress.matched())
                .put("cancelled", progress.cancelled());
    }
}
