package dev.sluice.app.command;

import dev.sluice.app.console.Pace;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.Durations;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.QueueInfo;
import dev.sluice.task.StoreUnavailableException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** {@code sluice drain}: closes a queue for new tasks and waits until those it has have ended. */
@Command(
        name = "drain",
        description = {
            "Closes a queue for new tasks and waits until dispatchers have ended all it has: what waits, runs, is scheduled or"
                    + " is to be retried.",
            "What clients enqueue is refused until 'resume'; what foreign clients RPUSH cannot be refused: it is run, counted"
                    + " and told. A paused queue is paused no longer. A restart of Redis or of dispatchers changes nothing."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Interrupted or out of time, the queue drains on; give the command again to look on. Of an at-most-once queue nobody"
                    + " knows what runs: it is drained when nothing waits.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar drain task_queue",
            "  java -jar sluice-server.jar drain task_queue --timeout 5m -o json",
            "",
            "Exit codes: 0 drained, or with --no-wait draining; 1 still draining after --timeout, paused or resumed by another,"
                    + " the queue is unknown, or Redis could not be asked; 2 the command line is wrong."
        })
final class DrainCommand implements Callable<Integer> {
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final Duration LONGEST_OUTAGE = Duration.ofMinutes(2);
    private static final Duration FOR_AN_ANSWER = Duration.ofSeconds(1); // also of a timeout that is shorter

    private final Terminal terminal;
    private long began;
    private boolean warned;

    @Mixin
    private RedisOption redis = new RedisOption();

    @Mixin
    private OutputOption output = new OutputOption();

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "Wait at most that long, such as 5m; default: until it is drained.")
    private @Nullable Duration timeout;

    @Option(names = "--no-wait", description = "Begin to drain it, and do not wait.")
    private boolean leaves;

    @Parameters(index = "0", paramLabel = "QUEUE", description = "The queue.")
    private String queue = "";

    DrainCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws InterruptedException {
        check();
        try (Session session = Session.with(redis.address())) {
            QueueInfo known = session.known(queue);
            began = System.nanoTime();
            boolean changed = Objects.requireNonNull(
                    session.await(patient(session.sluice().client(known.queue()).drain()), patience()), "never empty");
            return leaves ? begun(look(session, null), changed) : ended(session, changed);
        }
    }

    private void check() {
        Session.checkNames(queue, List.of());
        if (leaves && timeout != null) {
            throw Refusal.mistaken("--no-wait and --timeout exclude each other");
        }
        if (timeout != null && timeout.compareTo(LONGEST) > 0) {
            throw Refusal.mistaken("--timeout must be at most " + Durations.text(LONGEST));
        }
    }

    private int begun(QueueInfo info, boolean changed) {
        show(info, changed, changed ? "draining " + queue : queue + " was draining already");
        return 0;
    }

    private int ended(Session session, boolean changed) throws InterruptedException {
        Pace pace = new Pace(terminal);
        QueueInfo info = look(session, null);
        while (info.draining() && !info.paused() && info.left() > 0) {
            if (timeout != null && left(timeout).isNegative()) {
                show(info, changed, "still draining " + queue + ": " + left(info));
                return 1;
            }
            if (pace.isDue()) {
                tell(info);
            }
            session.await(Mono.delay(LOOK));
            info = look(session, info);
        }
        if (!info.draining() || info.paused()) {
            String how = info.draining() ? "paused" : "resumed";
            show(info, changed, "not drained: " + queue + " was " + how + " meanwhile: " + left(info));
            return 1;
        }
        show(info, changed, "drained " + queue + foreign(info) + "; it takes no new tasks until 'resume'");
        return 0;
    }

    /** The queue now; as it was {@code before} if Redis is away until the time is over. */
    private QueueInfo look(Session session, @Nullable QueueInfo before) throws InterruptedException {
        Mono<QueueInfo> now = patient(session.sluice().queue(queue));
        QueueInfo info = timeout == null || before == null
                ? session.await(now, patience())
                : session.await(now.timeout(patience(), Mono.just(before)), LONGEST_OUTAGE);
        if (info == null) {
            throw Refusal.failed("queue '" + queue + "' is gone from this Redis");
        }
        return info;
    }

    /** A drain may take hours: Redis may be away for a while in them. Both calls may be repeated. */
    private static <T> Mono<T> patient(Mono<T> call) {
        return call.retryWhen(Retry.backoff(Long.MAX_VALUE, Duration.ofMillis(100))
                .maxBackoff(Duration.ofSeconds(1))
                .filter(StoreUnavailableException.class::isInstance));
    }

    /** For how long an answer is waited for. */
    private Duration patience() {
        Duration left = timeout == null ? LONGEST_OUTAGE : left(timeout);
        return left.compareTo(FOR_AN_ANSWER) < 0 ? FOR_AN_ANSWER : left;
    }

    private Duration left(Duration limit) {
        return limit.minusNanos(System.nanoTime() - began);
    }

    private void tell(QueueInfo info) {
        if (!warned && info.dispatchers().orElse(1) == 0) {
            warned = true;
            terminal.remark("No dispatcher of '" + queue + "' is alive: nothing of it runs until one is started.");
        }
        terminal.news(left(info));
    }

    private void show(QueueInfo info, boolean changed, String sentence) {
        if (!output.isJson()) {
            terminal.say(sentence);
            return;
        }
        terminal.say(new JsonDocument()
                .put("queue", queue)
                .put("draining", info.draining())
                .put("paused", info.paused())
                .put("changed", changed)
                .put("drained", info.draining() && !info.paused() && info.left() == 0)
                .put("left", info.left())
                .put("pushed", info.pushed())
                .toString());
    }

    private static String left(QueueInfo info) {
        return String.format(
                Locale.ROOT,
                "%,d left: %,d waiting, %s running, %,d delayed%s",
                info.left(),
                info.waiting() + info.cancelled(),
                info.running().isPresent()
                        ? String.format(Locale.ROOT, "%,d", info.running().getAsLong())
                        : "-",
                info.delayed(),
                foreign(info));
    }

    private static String foreign(QueueInfo info) {
        return info.pushed() == 0
                ? ""
                : String.format(Locale.ROOT, ", %,d pushed by foreign clients since the drain began", info.pushed());
    }
}
