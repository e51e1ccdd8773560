package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import java.io.IOException;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** One of the {@link Processes}: drains a queue of no-op tasks. */
final class Drainer {
    private Drainer() {}

    /** Arguments: Redis, queue, concurrency. Ends when its standard input does. */
    public static void main(String... arguments) throws IOException {
        Sluice sluice = Sluice.connect(arguments[0]);
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(
                        Queue.named(arguments[1]),
                        QueueSettings.standard().concurrency(Integer.parseInt(arguments[2])))
                .build()
                .handler("noop", Void.class, task -> Mono.empty());
        dispatcher.start().block();
        while (System.in.read() >= 0) {
            // nothing is said to it
        }
        dispatcher.stop(Duration.ofSeconds(5)).block();
        sluice.close().block();
    }
}
