package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.task.Queue;
import java.io.IOException;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** The other process of {@link Cancel}: runs tasks that never end, and says when each started and was disposed of. */
final class Cancelled {
    private Cancelled() {}

    /** Arguments: Redis, queue. Ends when its standard input does. */
    public static void main(String... arguments) throws IOException {
        Sluice sluice = Sluice.connect(arguments[0]);
        Dispatcher dispatcher = sluice.dispatcher(Queue.named(arguments[1]))
                .handler("stay", Void.class, task -> Mono.never()
                        .doOnSubscribe(started -> say("started", task.id()))
                        .doOnCancel(() -> say("stopped", task.id())));
        dispatcher.start().block();
        while (System.in.read() >= 0) {
            // nothing is said to it
        }
        dispatcher.stop(Duration.ZERO).block();
        sluice.close().block();
    }

    private static void say(String word, String id) {
        long micros = Cancel.micros();
        System.out.println(word + " " + id + " " + micros);
        System.out.flush();
    }
}
