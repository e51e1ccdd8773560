package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * A schedule as people write it: over HTTP.
 *
 * <p>Either {@code cron}, and perhaps {@code zone}, or {@code every}; {@code misfire} and {@code overlap} as the file and the
 * command line have them; and what each tick enqueues, with the fields of a {@link TaskForm} but those that the schedule
 * itself decides: {@code id}, {@code delay}, {@code at} and {@code deadline}. JSON {@code null} is the same as absent.
 */
public final class ScheduleForm {
    private ScheduleForm() {}

    /**
     * Reads the schedule of this name in {@code length} bytes of {@code buffer} from {@code offset}. Whether its cron
     * expression can be read is said where it is put.
     *
     * @throws EnvelopeException if that is not one JSON object
     * @throws InvalidTaskException if the name or a field breaks a rule, or a field is not known or missing
     */
    public static Schedule read(String name, byte[] buffer, int offset, int length) {
        Schedule.checkName(name);
        Reader reader = new Reader(buffer, offset, length);
        reader.readForm();
        return reader.schedule(name);
    }

    private static final class Reader extends FormReader {
        private static final List<String> KNOWN = List.of(
                "cron",
                "zone",
                "every",
                "misfire",
                "overlap",
                "type",
                "payload",
                "maxAttempts",
                "timeout",
                "keepResult",
                "headers");
        private static final int CRON = 1 << 18;
        private static final int ZONE = 1 << 19;
        private static final int EVERY = 1 << 20;
        private static final int MISFIRE = 1 << 21;
        private static final int OVERLAP = 1 << 22;

        private @Nullable String cron;
        private @Nullable String zone;
        private @Nullable Duration every;
        private @Nullable String misfire;
        private @Nullable String overlap;

        Reader(byte[] buffer, int offset, int length) {
            super(buffer, offset, length, "a schedule", KNOWN);
        }

        @Override
        void field(String name, JsonToken value, JsonParser parser) {
            switch (name) {
                case "cron" -> {
                    once(CRON, name);
                    cron = text(name, value, parser, "a text such as \"0 2 * * MON-FRI\"");
                }
                case "zone" -> {
                    once(ZONE, name);
                    zone = text(name, value, parser, "a text such as \"Europe/Berlin\"");
                }
                case "every" -> {
                    once(EVERY, name);
                    every = span(name, value, parser);
                }
                case "misfire" -> {
                    once(MISFIRE, name);
                    misfire = text(name, value, parser, "a text: once, skip or catch-up N");
                }
                case "overlap" -> {
                    once(OVERLAP, name);
                    overlap = text(name, value, parser, "a text: allow or skip");
                }
                default -> super.field(name, value, parser);
            }
        }

        Schedule schedule(String name) {
            Task<byte[]> task = task();
            Schedule schedule = Schedule.of(name, timing(), task);
            schedule = misfire == null ? schedule : schedule.misfire(Misfire.parse(misfire));
            return overlap == null ? schedule : schedule.overlap(Overlap.parse(overlap));
        }

        private Timing timing() {
            if (cron != null && every != null) {
                throw new InvalidTaskException("every", "the fields cron and every exclude each other");
            }
            if (every != null) {
                if (zone != null) {
                    throw new InvalidTaskException(
                            "zone", "the field zone belongs to cron: a rate goes by no zone's clock");
                }
                return Timing.every(every);
            }
            if (cron == null) {
                throw new InvalidTaskException("cron", "one of the fields cron and every must be there: it says when");
            }
            return Timing.cron(cron, Timing.zone(zone == null ? "UTC" : zone));
        }
    }
}
