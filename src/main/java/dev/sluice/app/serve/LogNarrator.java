package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.push.PushTarget;
import dev.sluice.task.Queue;
import dev.sluice.task.ScheduleChange;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** Tells a program, in log events with constant messages. No payload is ever in them. */
final class LogNarrator implements Narrator {
    private static final Logger log = LoggerFactory.getLogger(LogNarrator.class);

    @Override
    public void redisStarted(String version, int port, @Nullable Path data) {
        log.atInfo()
                .addKeyValue("redis.version", version)
                .addKeyValue("redis.port", port)
                .addKeyValue(
                        "redis.data",
                        data == null ? "none" : data.toAbsolutePath().toString())
                .log("Embedded Redis started");
        if (data == null) {
            log.warn("Tasks live in memory only and vanish at exit: set redis.data to keep them");
        }
    }

    @Override
    public void redisIsBundled() {
        log.info("The bundled Redis is slower than a distribution's: install redis-server, or set redis.url");
    }

    @Override
    public void redisEnded() {
        log.error("The embedded Redis has ended unexpectedly; stopping");
    }

    @Override
    public void loaded(String jar, List<String> types) {
        log.atInfo()
                .addKeyValue("jar", jar)
                .addKeyValue("task.types", String.join(",", types))
                .log("Handlers loaded");
    }

    @Override
    public void delivering(String type, PushTarget target) {
        log.atInfo()
                .addKeyValue("task.type", type)
                .addKeyValue("target", target.name())
                .log("Tasks of this type are delivered to a URL");
    }

    @Override
    public void loading(@Nullable Path data, Duration limit) {
        log.atInfo()
                .addKeyValue("redis.data", data == null ? "" : data.toString())
                .addKeyValue("limit_ms", limit.toMillis())
                .log("Waiting for the embedded Redis");
    }

    @Override
    public void waiting(RedisAddress redis, String obstacle, Duration limit) {
        log.atWarn()
                .addKeyValue("redis.url", redis.toString())
                .addKeyValue("obstacle", obstacle.strip())
                .addKeyValue("limit_ms", limit.toMillis())
                .log("Waiting for Redis");
    }

    @Override
    public void listening(String url) {
        log.atInfo().addKeyValue("http.url", url).log("Listening");
    }

    @Override
    public void schedule(String queue, ScheduleChange change) {
        log.atLevel(change.before() == null ? Level.INFO : Level.WARN)
                .addKeyValue("queue", queue)
                .addKeyValue("schedule", change.name())
                .addKeyValue("outcome", change.outcome().name().toLowerCase(Locale.ROOT))
                .addKeyValue("before", change.before())
                .log(
                        change.outcome() == ScheduleChange.Outcome.LEFT
                                ? "Schedule left as somebody has changed it, though the file says otherwise: to have the"
                                        + " file's, remove it with 'schedules rm' and start again; to keep it, write it into"
                                        + " the file"
                                : "Schedule declared");
    }

    @Override
    public void foreignSchedule(String queue, String schedule, String origin) {
        log.atWarn()
                .addKeyValue("queue", queue)
                .addKeyValue("schedule", schedule)
                .addKeyValue("origin", origin)
                .log("The queue has a schedule of another file");
    }

    @Override
    public void serving(RedisAddress redis, List<Queue> queues) {
        log.atInfo()
                .addKeyValue("redis.url", redis.toString())
                .addKeyValue(
                        "queues",
                        String.join(",", queues.stream().map(Queue::name).toList()))
                .log("Serving");
    }

    @Override
    public void attempt(TaskLog.Ended attempt) {
        log.atInfo()
                .addKeyValue("task.id", attempt.id())
                .addKeyValue("task.type", attempt.type())
                .addKeyValue("attempt", attempt.attempt())
                .addKeyValue("outcome", attempt.outcome())
                .addKeyValue("duration_us", attempt.nanos() / 1_000)
                .log("Attempt ended");
    }

    @Override
    public void untold(long attempts) {
        log.atInfo().addKeyValue("count", attempts).log("More attempts ended than are logged");
    }

    @Override
    public void dead(String queue, int count, String howToSeeThem) {
        log.atWarn().addKeyValue("queue", queue).addKeyValue("count", count).log("Tasks became dead letters");
    }

    @Override
    public void stopping(Duration grace) {
        log.atInfo().addKeyValue("grace_ms", grace.toMillis()).log("Stopping");
    }

    @Override
    public void stopped(int unfinished, boolean kept) {
        log.atInfo().addKeyValue(kept ? "handed_back" : "vanished", unfinished).log("Stopped");
    }

    @Override
    public void stoppedWithoutRedis() {
        log.warn("Stopped, but Redis did not answer: unfinished tasks run again when their lease has ended");
    }

    @Override
    public int refused(Refusal refusal) {
        log.atError().addKeyValue("reason", refusal.getMessage()).log("It cannot run");
        return refusal.exitCode();
    }

    @Override
    public void cutShort() {
        log.warn("Not everything closed in time; ended without waiting longer");
    }
}
