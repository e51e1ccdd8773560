package dev.sluice.app.command;

import dev.sluice.ServerInfo;
import dev.sluice.Sluice;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;

/** {@code sluice doctor}: whether what is stored is in order, and the server fit for it. */
@Command(
        name = "doctor",
        description = {
            "Checks the stored state of a queue, or of all queues, and changes nothing.",
            "What is found is looked at three times, so that nothing counts that was only on its way. Then it says what to"
                    + " mind about the server."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "It reads every live id into memory: not for a queue of many millions.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar doctor",
            "  java -jar sluice-server.jar doctor task_queue -o json",
            "",
            "Exit codes: 0 all in order, 1 something is broken, the queue is unknown or Redis could not be asked, 2 the"
                    + " command line is wrong."
        })
final class DoctorCommand implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Duration LONGEST_EXAMINATION = Duration.ofMinutes(10);
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
    private static final int LOOKS = 3;
    private static final int MOST_QUEUES = 1_000;
    private static final int SHOWN = 10;
    private static final int SHOWN_TO_PROGRAMS = 1_000;

    private final Terminal terminal;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Parameters(arity = "0..1", paramLabel = "QUEUE", description = "Only this queue; default: all.")
    private @Nullable String name;

    DoctorCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        Map<String, Diagnosis> diagnoses = new LinkedHashMap<>();
        RedisAddress address = redis.address();
        ServerInfo server;
        try (Session session = Session.with(address)) {
            server = Objects.requireNonNull(session.await(session.sluice().server(), PATIENCE), "never empty");
            for (Queue queue : queues(session)) {
                Diagnosis diagnosis = session.await(examined(session.sluice(), queue), LONGEST_EXAMINATION);
                if (diagnosis != null) {
                    diagnoses.put(queue.name(), diagnosis);
                }
            }
        }
        List<String> hints = hints(server);
        if (output.isJson()) {
            terminal.say(json(server, hints, diagnoses));
        } else {
            terminal.say(text(address, server, hints, diagnoses));
        }
        return diagnoses.values().stream().allMatch(Diagnosis::isClean) ? 0 : 1;
    }

    private void check() {
        try {
            if (name != null) {
                Queue.named(name);
            }
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    private List<Queue> queues(Session session) throws InterruptedException {
        if (name == null) {
            Discovery found = Discovery.in(session, MOST_QUEUES);
            if (!found.isComplete()) {
                terminal.remark(found.warning(MOST_QUEUES));
            }
            return found.queues().stream().map(QueueInfo::queue).toList();
        }
        QueueInfo known = session.await(session.sluice().queue(name), PATIENCE);
        if (known == null) {
            throw Refusal.failed("nobody has worked on a queue '" + name + "' in this Redis yet");
        }
        return List.of(known.queue());
    }

    /** What every one of some looks finds: a queue at work has tasks on their way, but never the same for long. */
    private static Mono<Diagnosis> examined(Sluice sluice, Queue queue) {
        Mono<Diagnosis> look = sluice.examine(queue);
        Mono<Diagnosis> confirmed = look;
        for (int i = 1; i < LOOKS; i++) {
            confirmed = confirmed.flatMap(seen -> seen.isClean()
                    ? Mono.just(seen)
                    : look.delaySubscription(BETWEEN_LOOKS).map(again -> both(seen, again)));
        }
        return confirmed;
    }

    private static Diagnosis both(Diagnosis one, Diagnosis other) {
        return new Diagnosis(
                both(one.findings(), other.findings()), both(one.doubts(), other.doubts()), other.liveTasks());
    }

    private static Map<String, List<String>> both(Map<String, List<String>> one, Map<String, List<String>> other) {
        Map<String, List<String>> both = new LinkedHashMap<>();
        one.forEach((what, which) -> {
            List<String> again = new ArrayList<>(which);
            again.retainAll(Set.copyOf(other.getOrDefault(what, List.of())));
            if (!again.isEmpty()) {
                both.put(what, again);
            }
        });
        return both;
    }

    private static List<String> hints(ServerInfo server) {
        List<String> hints = new ArrayList<>();
        if (!server.maxmemoryPolicy().equals("noeviction")
                && !server.maxmemoryPolicy().equals("unknown")) {
            hints.add("maxmemory-policy is " + server.maxmemoryPolicy()
                    + ": this Redis may delete tasks when its memory is full. Set noeviction.");
        }
        if (!server.appendOnly()) {
            hints.add(
                    "There is no append-only file: a crash loses what came after the last snapshot. Set appendonly yes.");
        }
        return hints;
    }

    private static String[] text(
            RedisAddress address, ServerInfo server, List<String> hints, Map<String, Diagnosis> diagnoses) {
        List<String> lines = new ArrayList<>();
        lines.add("Redis " + server.version() + " at " + address + ", maxmemory-policy " + server.maxmemoryPolicy()
                + ", append-only file " + (server.appendOnly() ? "on" : "off"));
        hints.forEach(hint -> lines.add("  hint: " + hint));
        if (diagnoses.isEmpty()) {
            lines.add("No queue: no client or dispatcher has worked there yet.");
        }
        diagnoses.forEach((queue, diagnosis) -> {
            lines.add(queue + ": " + (diagnosis.isClean() ? "in order" : "BROKEN") + ", " + diagnosis.liveTasks()
                    + (diagnosis.liveTasks() == 1 ? " task" : " tasks"));
            diagnosis.findings().forEach((what, which) -> lines.addAll(kind("broken", what, which)));
            diagnosis.doubts().forEach((what, which) -> lines.addAll(kind("in doubt", what, which)));
        });
        return lines.toArray(String[]::new);
    }

    private static List<String> kind(String word, String what, List<String> which) {
        List<String> lines = new ArrayList<>();
        lines.add("  " + word + ": " + what + " (" + which.size() + ")");
        which.stream().limit(SHOWN).forEach(one -> lines.add("    " + Table.printable(one)));
        if (which.size() > SHOWN) {
            lines.add("    … and " + (which.size() - SHOWN) + " more; -o json shows up to " + SHOWN_TO_PROGRAMS);
        }
        return lines;
    }

    private static String json(ServerInfo server, List<String> hints, Map<String, Diagnosis> diagnoses) {
        return new Json()
                .put(
                        "server",
                        new Json()
                                .put("version", server.version())
                                .put("maxmemoryPolicy", server.maxmemoryPolicy())
                                .put("appendOnly", server.appendOnly())
                                .map())
                .put("hints", hints)
                .put(
                        "queues",
                        diagnoses.entrySet().stream()
                                .map(entry -> new Json()
                                        .put("name", entry.getKey())
                                        .put("clean", entry.getValue().isClean())
                                        .put("tasks", entry.getValue().liveTasks())
                                        .put("findings", kinds(entry.getValue().findings()))
                                        .put("doubts", kinds(entry.getValue().doubts()))
                                        .map())
                                .toList())
                .toString();
    }

    private static List<Map<String, @Nullable Object>> kinds(Map<String, List<String>> kinds) {
        return kinds.entrySet().stream()
                .map(kind -> new Json()
                        .put("what", kind.getKey())
                        .put("count", kind.getValue().size())
                        .put(
                                "which",
                                kind.getValue().stream()
                                        .limit(SHOWN_TO_PROGRAMS)
                                        .toList())
                        .map())
                .toList();
    }
}
