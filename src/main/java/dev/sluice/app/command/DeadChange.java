package dev.sluice.app.command;

import dev.sluice.app.console.Pace;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetterProgress;
import dev.sluice.client.DeadLetters;
import dev.sluice.codec.JsonDocument;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** What redrive and purge have in common: which dead letters are meant, how far it is, and what came out. */
abstract class DeadChange implements Callable<Integer> {
    private final Terminal terminal;
    private final String participle;
    private DeadLetterProgress progress = new DeadLetterProgress(0, 0, 0, 0);

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Mixin
    private DeadFilterOptions filter = new DeadFilterOptions();

    @Option(names = "--all", description = "All dead letters of the queue.")
    private boolean all;

    @Option(names = "--dry-run", description = "Only count those that a filter or --all means, and change nothing.")
    private boolean dryRun;

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "ID", description = "Only these tasks.")
    private List<String> ids = List.of();

    DeadChange(Terminal terminal, String participle) {
        this.terminal = terminal;
        this.participle = participle;
    }

    /** What became of one, as a word; that of a success is the participle. */
    abstract Mono<String> one(DeadLetters letters, String id);

    abstract Flux<DeadLetterProgress> each(DeadLetters letters, DeadLetterFilter wanted);

    /** Refuses what must be confirmed. */
    abstract void confirm(boolean everything);

    @Override
    public final Integer call() throws InterruptedException {
        Session.checkNames(queue, ids);
        if (ids.isEmpty() && !all && filter.isEmpty()) {
            throw Refusal.mistaken("Which ones? Name ids, or use " + DeadFilterOptions.NAMES + ", or --all");
        }
        if ((ids.isEmpty() ? 0 : 1) + (all ? 1 : 0) + (filter.isEmpty() ? 0 : 1) > 1) {
            throw Refusal.mistaken("Ids, filters and --all exclude each other");
        }
        if (dryRun && !ids.isEmpty()) {
            throw Refusal.mistaken("--dry-run counts what a filter or --all means; look at single ones with dead show");
        }
        if (!dryRun) {
            confirm(all);
        }
        DeadLetterFilter wanted = filter.filter();
        try (Session session = Session.with(redis.address())) {
            DeadLetters letters = DeadQueue.of(session, queue);
            return ids.isEmpty() ? many(session, letters, wanted) : few(session, letters);
        }
    }

    private int few(Session session, DeadLetters letters) throws InterruptedException {
        Map<String, String> outcomes = new LinkedHashMap<>();
        try {
            for (String id : new LinkedHashSet<>(ids)) {
                outcomes.put(id, Objects.requireNonNull(session.await(one(letters, id)), "never empty"));
            }
        } finally {
            show(outcomes);
        }
        return outcomes.values().stream().allMatch(participle::equals) ? 0 : 1;
    }

    private void show(Map<String, String> outcomes) {
        if (outcomes.isEmpty()) {
            return;
        }
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queue", queue)
                    .put(
                            "tasks",
                            outcomes.entrySet().stream()
                                    .map(it -> new JsonDocument()
                                            .put("id", it.getKey())
                                            .put("outcome", it.getValue()))
                                    .toList())
                    .toString());
        } else {
            Table table = new Table("ID", "OUTCOME");
            outcomes.forEach(table::row);
            terminal.say(table.lines(terminal.isColoured()));
        }
    }

    private int many(Session session, DeadLetters letters, DeadLetterFilter wanted) throws InterruptedException {
        Pace pace = new Pace(terminal);
        Flux<DeadLetterProgress> work = dryRun ? letters.count(wanted) : each(letters, wanted);
        try {
            session.awaitAll(work.doOnNext(now -> advance(now, pace)));
            if (progress.matched() == 0) {
                terminal.remark(DeadQueue.NO_MATCH);
            }
        } finally {
            summarize();
        }
        return progress.refused() == 0 ? 0 : 1;
    }

    private synchronized void advance(DeadLetterProgress now, Pace pace) {
        progress = Objects.requireNonNull(now);
        if (pace.isDue()) {
            terminal.news(text());
        }
    }

    private synchronized void summarize() {
        terminal.say(
                output.isJson()
                        ? new JsonDocument()
                                .put("queue", queue)
                                .put("examined", progress.examined())
                                .put("matched", progress.matched())
                                .put("done", progress.done())
                                .put("refused", progress.refused())
                                .toString()
                        : text());
    }

    private String text() {
        return dryRun
                ? String.format(
                        Locale.ROOT,
                        "%,d of %,d dead letters would be %s",
                        progress.matched(),
                        progress.examined(),
                        participle)
                : String.format(
                        Locale.ROOT,
                        "%,d examined, %,d matched, %,d %s, %,d refused",
                        progress.examined(),
                        progress.matched(),
                        progress.done(),
                        participle,
                        progress.refused());
    }
}
