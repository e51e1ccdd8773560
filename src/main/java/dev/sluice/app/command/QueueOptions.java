package dev.sluice.app.command;

import dev.sluice.app.config.Configuration;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.Refusal;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What a queue must be told before anybody has worked on it; afterwards Redis knows. */
final class QueueOptions {
    @Option(
            names = "--status-key",
            paramLabel = "KEY",
            description = "The hash with the states of a new queue's tasks; default: task_status for task_queue, else"
                    + " {QUEUE}:status. A queue that exists keeps its own.")
    private @Nullable String statusKey;

    @Option(
            names = "--delivery",
            paramLabel = "MODE",
            converter = Modes.class,
            completionCandidates = Modes.class,
            description = "The promise of a new queue: ${COMPLETION-CANDIDATES}; default: at-least-once. A queue that"
                    + " exists keeps its own.")
    private @Nullable DeliveryMode delivery;

    /** Refuses what can be no queue, before anything is asked. */
    Queue check(String name) {
        try {
            return chosen(named(name));
        } catch (InvalidTaskException e) {
            throw Refusal.mistaken(e);
        }
    }

    /** The queue of {@code checked}'s name as Redis has it, or as a new one; differs if the options say so. */
    Queue agreed(Queue checked, @Nullable QueueInfo recorded) {
        return recorded == null ? checked : chosen(recorded.queue());
    }

    /** As {@code run} would serve it without a configuration, so that either may come first. */
    private static Queue named(String name) {
        return Configuration.load(null, Map.of(), Map.of()).settings().queues().stream()
                .map(Settings.Served::queue)
                .filter(served -> served.name().equals(name))
                .findFirst()
                .orElseGet(() -> Queue.named(name));
    }

    private Queue chosen(Queue queue) {
        Queue chosen = statusKey == null ? queue : queue.statusKey(statusKey);
        return delivery == null ? chosen : chosen.delivery(delivery);
    }

    /** The delivery modes by their words. */
    static final class Modes implements ITypeConverter<DeliveryMode>, Iterable<String> {
        private static final List<String> WORDS =
                List.of(DeliveryMode.AT_LEAST_ONCE.word(), DeliveryMode.AT_MOST_ONCE.word());

        @Override
        public DeliveryMode convert(String word) {
            DeliveryMode mode = DeliveryMode.ofWord(word);
            if (mode == null) {
                throw new TypeConversionException("'" + word + "' is none of " + String.join(", ", WORDS));
            }
            return mode;
        }

        @Override
        public Iterator<String> iterator() {
            return WORDS.iterator();
        }
    }
}
