package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.task.InvalidTaskException;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which dead letters a command is about. */
final class DeadFilterOptions {
    static final String NAMES = "--type, --reason, --error, --since, --before or --older-than";

    @Option(names = "--type", paramLabel = "TYPE", description = "Only those of this type.")
    private @Nullable String type;

    @Option(
            names = "--reason",
            paramLabel = "REASON",
            description = "Only those with this reason, such as handler-error or timeout.")
    private @Nullable String reason;

    @Option(
            names = "--error",
            paramLabel = "TEXT",
            description = "Only those with this text in the class or the message of their error, in whatever case.")
    private @Nullable String error;

    @Option(
            names = "--since",
            paramLabel = "TIME",
            converter = InstantConverter.class,
            description = "Only those that died at this time or later, such as 2026-11-24T10:00:00Z.")
    private @Nullable Instant since;

    @Option(
            names = "--before",
            paramLabel = "TIME",
            converter = InstantConverter.class,
            description = "Only those that died before this time.")
    private @Nullable Instant before;

    @Option(
            names = "--older-than",
            paramLabel = "TIME",
            converter = DurationConverter.class,
            description = "Only those that died longer ago, such as 90m or 720h.")
    private @Nullable Duration olderThan;

    boolean isEmpty() {
        return Stream.of(type, reason, error, since, before, olderThan).allMatch(Objects::isNull);
    }

    DeadLetterFilter filter() {
        try {
            DeadLetterFilter filter = DeadLetterFilter.all();
            filter = type == null ? filter : filter.type(type);
            filter = reason == null ? filter : filter.reason(reason);
            filter = error == null ? filter : filter.error(error);
            filter = since == null ? filter : filter.diedFrom(since);
            filter = before == null ? filter : filter.diedBefore(before);
            return olderThan == null ? filter : filter.olderThan(olderThan);
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }
}
