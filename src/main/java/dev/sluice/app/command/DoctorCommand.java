package dev.sluice.app.command;

import dev.sluice.ServerInfo;
import dev.sluice.Sluice;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Finding;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sluice doctor}: whether what is stored is in order, and the server fit for it. */
@Command(
        name = "doctor",
        description = {
            "Checks the stored state of a queue, or of all queues, also while they are at work.",
            "What looks wrong is looked at again, and only what is still wrong a moment later counts. Then it says what to"
                    + " mind about the server."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "It reads in small steps and keeps 16 to 32 bytes of memory for each waiting task.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar doctor",
            "  java -jar sluice-server.jar doctor task_queue -o json",
            "  java -jar sluice-server.jar doctor task_queue --repair",
            "",
            "Exit codes: 0 all in order, 1 something is broken (with --repair: is still broken), the queue is unknown, not"
                    + " all were looked at or Redis could not be asked, 2 the command line is wrong."
        })
final class DoctorCommand implements Callable<Integer> {
    private static final Duration LONGEST_EXAMINATION = Duration.ofMinutes(30);
    private static final int MOST_REPAIRS = 64;
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

    @Option(names = "--repair", description = "Puts in order what it can, and says what it did. Nothing is lost.")
    private boolean repair;

    DoctorCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        Map<String, Diagnosis> diagnoses = new LinkedHashMap<>();
        RedisAddress address = redis.address();
        try (Session session = Session.with(address)) {
            ServerInfo server =
                    Objects.requireNonNull(session.await(session.sluice().server()), "never empty");
            Discovery<Queue> queues = queues(session);
            boolean isOver = false;
            try {
                for (Queue queue : queues.queues()) {
                    examine(session, queue, diagnoses);
                }
                isOver = true;
            } finally {
                // What was repaired is told also where Redis fails later: a second run would say no word of it.
                if (isOver || !diagnoses.isEmpty()) {
                    tell(address, server, diagnoses, isOver && queues.isComplete());
                }
            }
            return queues.isComplete() && diagnoses.values().stream().allMatch(Diagnosis::isClean) ? 0 : 1;
        }
    }

    private void tell(RedisAddress address, ServerInfo server, Map<String, Diagnosis> diagnoses, boolean isComplete) {
        if (output.isJson()) {
            terminal.say(json(server, diagnoses, isComplete));
        } else {
            terminal.say(text(address, server, diagnoses, isComplete));
        }
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

    private Discovery<Queue> queues(Session session) throws InterruptedException {
        if (name == null) {
            Discovery<Queue> found = Discovery.in(session, session.sluice().examinable(), Queue::name, MOST_QUEUES);
            if (!found.isComplete()) {
                terminal.remark(found.warning(MOST_QUEUES));
            }
            return found;
        }
        Queue known = session.await(session.sluice().examinable(name));
        if (known == null) {
            throw Session.unknown(name);
        }
        return new Discovery<>(List.of(known), true);
    }

    /** One that was repaired is repaired again until nothing more is: what is mended may uncover something else. */
    private void examine(Session session, Queue queue, Map<String, Diagnosis> diagnoses) throws InterruptedException {
        Sluice sluice = session.sluice();
        Diagnosis seen = session.await(repair ? sluice.repair(queue) : sluice.examine(queue), LONGEST_EXAMINATION);
        List<Finding> repaired = new ArrayList<>();
        for (int i = 0; repair && seen != null && i < MOST_REPAIRS; i++) {
            List<Finding> now =
                    seen.findings().stream().filter(Finding::repaired).toList();
            if (now.isEmpty()) {
                break;
            }
            repaired.addAll(now);
            diagnoses.put(queue.name(), new Diagnosis(repaired, seen.doubts(), seen.liveTasks(), false)); // so far
            seen = session.await(sluice.repair(queue), LONGEST_EXAMINATION);
        }
        if (seen != null) {
            repaired.addAll(seen.findings());
            diagnoses.put(queue.name(), new Diagnosis(repaired, seen.doubts(), seen.liveTasks(), seen.isComplete()));
        }
    }

    private static String[] text(
            RedisAddress address, ServerInfo server, Map<String, Diagnosis> diagnoses, boolean complete) {
        List<String> lines = new ArrayList<>();
        lines.add("Redis " + server.version() + " at " + address + ", maxmemory-policy " + server.maxmemoryPolicy()
                + ", append-only file " + (server.appendOnly() ? "on, appendfsync " + server.appendFsync() : "off"));
        server.hints().forEach(hint -> lines.add("  hint: " + hint.text()));
        if (diagnoses.isEmpty() && complete) {
            lines.add("No queue: no client or dispatcher has worked there yet.");
        }
        diagnoses.forEach((queue, diagnosis) -> {
            boolean repaired = diagnosis.findings().stream().anyMatch(Finding::repaired);
            lines.add(queue + ": " + (diagnosis.isClean() ? repaired ? "in order again" : "in order" : "BROKEN") + ", "
                    + diagnosis.liveTasks() + (diagnosis.liveTasks() == 1 ? " task" : " tasks"));
            kinds(diagnosis.findings()).forEach((kind, which) -> lines.addAll(kind(kind, which)));
            kinds(diagnosis.doubts()).forEach((kind, which) -> lines.addAll(kind(kind, which)));
            if (!diagnosis.isComplete()) {
                lines.add("  So much is broken that not all was looked at: repair it, and look again.");
            }
        });
        return lines.toArray(String[]::new);
    }

    private static List<String> kind(Sort sort, List<Finding> which) {
        List<String> lines = new ArrayList<>();
        Finding.Kind kind = sort.kind();
        String word = kind.isDoubt() ? "in doubt" : sort.repaired() ? "repaired" : "broken";
        lines.add("  " + word + ": " + kind.meaning() + " (" + kind.code() + ", " + which.size() + ")");
        which.stream()
                .limit(SHOWN)
                .forEach(one -> lines.add("    " + Table.printable(one.subject())
                        + (one.detail().isEmpty() ? "" : ": " + Table.printable(one.detail()))));
        if (which.size() > SHOWN) {
            lines.add("    … and " + (which.size() - SHOWN) + " more; -o json shows up to " + SHOWN_TO_PROGRAMS);
        }
        if (!sort.repaired()) {
            lines.add("    " + kind.advice());
        }
        return lines;
    }

    private static String json(ServerInfo server, Map<String, Diagnosis> diagnoses, boolean complete) {
        return new JsonDocument()
                .put(
                        "server",
                        new JsonDocument()
                                .put("version", server.version())
                                .put("maxmemoryPolicy", server.maxmemoryPolicy())
                                .put("appendOnly", server.appendOnly())
                                .put("appendFsync", server.appendFsync())
                                .put("role", server.role())
                                .put("replicas", server.replicas())
                                .put("minReplicasToWrite", server.minReplicasToWrite()))
                .put(
                        "hints",
                        server.hints().stream()
                                .map(hint -> new JsonDocument()
                                        .put("code", hint.code())
                                        .put("text", hint.text()))
                                .toList())
                .put(
                        "queues",
                        diagnoses.entrySet().stream()
                                .map(entry -> new JsonDocument()
                                        .put("name", entry.getKey())
                                        .put("clean", entry.getValue().isClean())
                                        .put("complete", entry.getValue().isComplete())
                                        .put("tasks", entry.getValue().liveTasks())
                                        .put("findings", told(entry.getValue().findings()))
                                        .put("doubts", told(entry.getValue().doubts())))
                                .toList())
                .put("complete", complete)
                .toString();
    }

    private static List<JsonDocument> told(List<Finding> findings) {
        List<JsonDocument> told = new ArrayList<>();
        kinds(findings)
                .forEach((sort, which) -> told.add(new JsonDocument()
                        .put("code", sort.kind().code())
                        .put("what", sort.kind().meaning())
                        .put("todo", sort.kind().advice())
                        .put("repaired", sort.repaired())
                        .put("count", which.size())
                        .put(
                                "which",
                                which.stream()
                                        .limit(SHOWN_TO_PROGRAMS)
                                        .map(one -> new JsonDocument()
                                                .put("subject", one.subject())
                                                .put("detail", one.detail()))
                                        .toList())));
        return told;
    }

    private static Map<Sort, List<Finding>> kinds(List<Finding> findings) {
        Map<Sort, List<Finding>> kinds =
                new TreeMap<>(Comparator.comparing(Sort::kind).thenComparing(Sort::repaired));
        findings.forEach(one -> kinds.computeIfAbsent(new Sort(one.kind(), one.repaired()), none -> new ArrayList<>())
                .add(one));
        return kinds;
    }

    /** What is told together. */
    private record Sort(Finding.Kind kind, boolean repaired) {}
}
