package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.Durations;
import dev.sluice.push.PushTarget;
import dev.sluice.task.Queue;
import dev.sluice.task.ScheduleChange;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Tells a person, in sentences on standard output. */
final class TerminalNarrator implements Narrator {
    private static final int LONGEST_TEXT = 80;
    private static final DateTimeFormatter CLOCK =
            DateTimeFormatter.ofPattern("HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private final Terminal terminal;

    TerminalNarrator(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void redisStarted(String version, int port, @Nullable Path data) {
        terminal.say(
                "Redis " + version + " started on 127.0.0.1:" + port
                        + (port == EmbeddedRedis.FIRST_PORT ? "" : ", the next free port") + ".",
                data == null
                        ? "!! Tasks live in memory only and VANISH when this program exits. Keep them with --data DIR."
                        : "Tasks are kept in " + data.toAbsolutePath() + ".");
    }

    @Override
    public void redisIsBundled() {
        terminal.say("It is the bundled one, 3 to 4 times slower than a distribution's: install redis-server, or use"
                + " --redis URL.");
    }

    @Override
    public void redisEnded() {
        terminal.say("The embedded Redis has ended unexpectedly; stopping.");
    }

    @Override
    public void loaded(String jar, List<String> types) {
        terminal.say("Handlers of " + brief(jar) + ": "
                + types.stream().map(TerminalNarrator::brief).collect(Collectors.joining(", ")));
    }

    @Override
    public void delivering(String type, PushTarget target) {
        terminal.say("Tasks of type " + type + " are delivered to " + target.name() + ".");
    }

    @Override
    public void loading(@Nullable Path data, Duration limit) {
        terminal.say("Waiting for the embedded Redis" + (data == null ? "" : " to load " + data) + ", at most "
                + text(limit) + ".");
    }

    @Override
    public void waiting(RedisAddress redis, String obstacle, Duration limit) {
        terminal.say("Waiting for Redis at " + redis + obstacle + ", at most " + text(limit) + ".");
    }

    @Override
    public void listening(String url) {
        terminal.say("HTTP is answered at " + url + ".");
    }

    @Override
    public void schedule(String queue, ScheduleChange change) {
        if (change.outcome() == ScheduleChange.Outcome.LEFT) {
            terminal.say("Schedule " + change.name() + " of " + queue
                    + " is left as somebody has changed it, though the file says otherwise: "
                    + Table.printable(String.valueOf(change.before())) + ". To have the file's, run 'schedules rm "
                    + queue
                    + " " + change.name() + "' and start again; to keep it, write it into the file.");
            return;
        }
        terminal.say("Schedule " + change.name() + " of " + queue + ": "
                + change.outcome().name().toLowerCase(Locale.ROOT)
                + (change.before() == null ? "." : "; it was " + Table.printable(change.before()) + "."));
    }

    @Override
    public void foreignSchedule(String queue, String schedule, String origin) {
        terminal.say(
                "Schedule " + schedule + " of " + queue + " is not from this file but from " + brief(origin) + ".");
    }

    @Override
    public void serving(RedisAddress redis, List<Queue> queues) {
        String names = queues.stream().map(Queue::name).collect(Collectors.joining(", "));
        String push = "  " + redis.cli() + " RPUSH " + queues.get(0).name();
        terminal.say(
                "",
                "Serving " + names + " on " + redis + ". Send it a task from a second terminal:",
                "",
                push + " '{\"id\":\"a\",\"type\":\"echo\",\"payload\":1}'",
                push + " '{\"id\":\"b\",\"type\":\"sleep\",\"payload\":{\"ms\":250}}'",
                "",
                "Ctrl-C stops.");
    }

    @Override
    public void attempt(TaskLog.Ended attempt) {
        terminal.say(String.format(
                Locale.ROOT,
                "%s  %s  %s  attempt %d  %s after %.1f ms%s",
                CLOCK.format(attempt.at()),
                brief(attempt.id()),
                brief(attempt.type()),
                attempt.attempt(),
                attempt.outcome(),
                attempt.nanos() / 1e6,
                attempt.detail() == null ? "" : "  " + brief(attempt.detail())));
    }

    @Override
    public void untold(long attempts) {
        terminal.say(String.format(Locale.ROOT, "… and %,d more", attempts));
    }

    @Override
    public void dead(String queue, int count, String howToSeeThem) {
        terminal.say(CLOCK.format(Instant.now()) + "  " + (count == 1 ? "1 task is dead" : count + " tasks are dead")
                + "; to see why: " + howToSeeThem);
    }

    @Override
    public void stopping(Duration grace) {
        terminal.say("Stopping: running tasks have " + text(grace) + " to finish; a second signal stops at once.");
    }

    @Override
    public void stopped(int unfinished, boolean kept) {
        if (unfinished == 0) {
            terminal.say("Stopped.");
        } else if (unfinished == 1) {
            terminal.say(
                    kept
                            ? "Stopped; 1 unfinished task was handed back."
                            : "Stopped; 1 unfinished task vanishes with the embedded Redis: --data DIR would have kept it.");
        } else {
            terminal.say("Stopped; " + String.format(Locale.ROOT, "%,d", unfinished)
                    + (kept
                            ? " unfinished tasks were handed back."
                            : " unfinished tasks vanish with the embedded Redis: --data DIR would have kept them."));
        }
    }

    @Override
    public void stoppedWithoutRedis() {
        terminal.say("Stopped, but Redis did not answer: unfinished tasks run again when their lease has ended.");
    }

    @Override
    public int refused(Refusal refusal) {
        throw refusal;
    }

    @Override
    public void cutShort() {
        terminal.say("Not everything closed in time; ended without waiting longer.");
    }

    static String text(Duration time) {
        return Durations.text(time).replaceFirst("(?<=\\d)(?=[a-z])", " ");
    }

    private static String brief(String text) {
        String clean = Table.printable(text);
        return clean.codePointCount(0, clean.length()) > LONGEST_TEXT
                ? clean.substring(0, clean.offsetByCodePoints(0, LONGEST_TEXT)) + '…'
                : clean;
    }
}
