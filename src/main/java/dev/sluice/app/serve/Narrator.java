package dev.sluice.app.serve;

import dev.sluice.app.config.LogFormat;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.push.PushTarget;
import dev.sluice.task.Queue;
import dev.sluice.task.ScheduleChange;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Tells whoever runs the dispatcher what it does: a person, or a program that collects events. Thread-safe. */
interface Narrator {

    static Narrator of(LogFormat format, Terminal terminal) {
        return format == LogFormat.JSON ? new LogNarrator() : new TerminalNarrator(terminal);
    }

    /** The embedded Redis is not ready yet, which may take {@code limit}; it has files to load from {@code data}, or null. */
    void loading(@Nullable Path data, Duration limit);

    /** The embedded Redis runs; {@code data} is null if it forgets everything at its end. */
    void redisStarted(String version, int port, @Nullable Path data);

    /** It is the one that the program brings, which is slower than others. */
    void redisIsBundled();

    void redisEnded();

    /** A jar with handlers was loaded. */
    void loaded(String jar, List<String> types);

    /** Tasks of a type are delivered to a URL. */
    void delivering(String type, PushTarget target);

    void waiting(RedisAddress redis, String obstacle, Duration limit);

    /** HTTP is answered at this address. */
    void listening(String url);

    /**
     * A schedule that the file declares was created or changed, or left as somebody has changed it by hand; or one that it
     * declares no more was removed.
     */
    void schedule(String queue, ScheduleChange change);

    /** A schedule that another file has declared, and this one does not. */
    void foreignSchedule(String queue, String schedule, String origin);

    void serving(RedisAddress redis, List<Queue> queues);

    void attempt(TaskLog.Ended attempt);

    /** So many attempts were not told, because they were too many. */
    void untold(long attempts);

    /** Tasks became dead letters. */
    void dead(String queue, int count, String howToSeeThem);

    void stopping(Duration grace);

    /** So many unfinished tasks are in Redis again; unless {@code kept} all that are there are gone with it in a moment. */
    void stopped(int unfinished, boolean kept);

    /** Redis did not answer in time: whoever lives takes the unfinished tasks when their lease ends. */
    void stoppedWithoutRedis();

    /** The command ends because of this. Throws it where a person reads the sentence anyway. */
    int refused(Refusal refusal);

    /** The orderly end takes too long, and is cut short. */
    void cutShort();
}
