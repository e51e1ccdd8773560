package dev.sluice.app.command;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.DispatcherInfo;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sluice queues}: which queues there are, and how full. */
@Command(
        name = "queues",
        description = {
            "Lists the queues of a Redis and how many tasks each has where.",
            "Without a name it looks for them among all keys, in small steps, for at most 30 s; a list that only foreign"
                    + " producers have touched is not known as a queue yet.",
            "With names it also shows who serves them, how long each lease still runs, and how many tasks each holds."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Columns: WAITING for a free handler, the OLDEST of them for how long; DELAYED, scheduled or before another attempt; RUNNING; DEAD letters;"
                    + " living DISPATCHERS. - is not known: who runs an at-most-once queue, or since when a foreign task waits. DRAINING also says how many tasks"
                    + " foreign clients have pushed since.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar queues",
            "  java -jar sluice-server.jar queues task_queue -o json",
            "",
            "Exit codes: 0 done, 1 a queue is unknown or Redis could not be asked, 2 the command line is wrong."
        })
final class QueuesCommand implements Callable<Integer> {

    private final Terminal terminal;
    private final Map<String, List<DispatcherInfo>> serving = new LinkedHashMap<>();

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Option(
            names = "--limit",
            paramLabel = "QUEUES",
            description = "Look for at most that many; default: ${DEFAULT-VALUE}.",
            defaultValue = "1000")
    private int limit;

    @Parameters(arity = "0..*", paramLabel = "QUEUE", description = "Only these.")
    private List<String> names = List.of();

    QueuesCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        RedisAddress address = redis.address();
        Discovery<QueueInfo> found;
        try (Session session = Session.with(address)) {
            found = names.isEmpty()
                    ? Discovery.in(
                            session,
                            session.sluice().queues(),
                            info -> info.queue().name(),
                            limit)
                    : named(session);
        }
        show(address, found);
        return names.isEmpty() || found.isComplete() ? 0 : 1;
    }

    private void check() {
        if (limit < 1) {
            throw Refusal.mistaken("--limit must be at least 1, was " + limit);
        }
        try {
            names.forEach(Queue::named);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    private Discovery<QueueInfo> named(Session session) throws InterruptedException {
        List<QueueInfo> found = new ArrayList<>();
        for (String name : names) {
            QueueInfo info = session.await(session.sluice().queue(name));
            if (info == null) {
                terminal.remark("Nobody has worked on a queue '" + name + "' in this Redis yet.");
            } else {
                found.add(info);
                serving.put(
                        name,
                        Objects.requireNonNull(
                                session.await(session.sluice()
                                        .dispatchers(info.queue())
                                        .collectList()),
                                "never empty"));
            }
        }
        return new Discovery<>(found, found.size() == names.size());
    }

    private void show(RedisAddress address, Discovery<QueueInfo> found) {
        if (names.isEmpty() && !found.isComplete()) {
            terminal.remark(found.warning(limit));
        }
        if (output.isJson()) {
            terminal.say(new JsonDocument()
                    .put("queues", found.queues().stream().map(this::json).toList())
                    .put("complete", found.isComplete())
                    .toString());
        } else if (found.queues().isEmpty() && names.isEmpty()) {
            terminal.remark("No queue in " + address + ": no client or dispatcher has worked there yet.");
        } else if (!found.queues().isEmpty()) {
            terminal.say(table(found.queues()).lines(terminal.isColoured()));
            if (serving.values().stream().anyMatch(those -> !those.isEmpty())) {
                terminal.say("");
                terminal.say(servingTable().lines(terminal.isColoured()));
            }
        }
    }

    private Table servingTable() {
        Table table = new Table("QUEUE", "DISPATCHER", "LEASE", "RUNNING");
        serving.forEach((queue, those) -> those.forEach(dispatcher -> table.row(
                queue,
                dispatcher.id(),
                dispatcher.leaseLeft().isZero()
                        ? "over"
                        : dispatcher.leaseLeft().toMillis() + "ms",
                grouped(dispatcher.running()))));
        return table;
    }

    private static Table table(List<QueueInfo> found) {
        Table table = new Table(
                "QUEUE",
                "WAITING",
                "OLDEST",
                "DELAYED",
                "RUNNING",
                "DEAD",
                "DISPATCHERS",
                "PAUSED",
                "DRAINING",
                "DELIVERY",
                "STATUS KEY");
        for (QueueInfo info : found) {
            table.row(
                    info.queue().name(),
                    grouped(info.waiting()),
                    info.oldest().map(QueuesCommand::rounded).orElse("-"),
                    grouped(info.delayed()),
                    grouped(info.running()),
                    grouped(info.dead()),
                    grouped(info.dispatchers()),
                    info.paused() ? "yes" : "no",
                    draining(info),
                    info.queue().delivery().word(),
                    info.queue().statusKey());
        }
        return table;
    }

    private JsonDocument json(QueueInfo info) {
        JsonDocument json = new JsonDocument()
                .put("name", info.queue().name())
                .put("waiting", info.waiting())
                .put("oldestMs", info.oldest().map(Duration::toMillis).orElse(null))
                .put("cancelled", info.cancelled())
                .put("delayed", info.delayed())
                .put("running", boxed(info.running()))
                .put("dead", info.dead())
                .put("dispatchers", boxed(info.dispatchers()))
                .put("paused", info.paused())
                .put("draining", info.draining())
                .put("pushed", info.pushed())
                .put("delivery", info.queue().delivery().word())
                .put("statusKey", info.queue().statusKey());
        List<DispatcherInfo> those = serving.get(info.queue().name());
        return those == null
                ? json
                : json.put("leases", those.stream().map(QueuesCommand::json).toList());
    }

    private static JsonDocument json(DispatcherInfo dispatcher) {
        return new JsonDocument()
                .put("id", dispatcher.id())
                .put("leaseMs", dispatcher.leaseLeft().toMillis())
                .put("running", dispatcher.running());
    }

    private static String draining(QueueInfo info) {
        return !info.draining() ? "no" : info.pushed() == 0 ? "yes" : "yes, " + grouped(info.pushed()) + " pushed";
    }

    /** In the largest unit of which there are two. */
    private static String rounded(Duration age) {
        if (age.toMinutes() < 2) {
            return age.toSeconds() + "s";
        }
        if (age.toHours() < 2) {
            return age.toMinutes() + "m";
        }
        return age.toDays() < 2 ? age.toHours() + "h" : age.toDays() + "d";
    }

    private static @Nullable Long boxed(OptionalLong count) {
        return count.isPresent() ? count.getAsLong() : null;
    }

    private static String grouped(OptionalLong count) {
        return count.isPresent() ? grouped(count.getAsLong()) : "-";
    }

    private static String grouped(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }
}
