package dev.sluice.bench.rivals;

import dev.sluice.Sluice;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Sluice with its default settings. */
final class SluiceRival implements Rival {
    private final Queue queue;
    private final Sluice sluice;
    private final TaskClient client;
    private Dispatcher dispatcher;

    SluiceRival(String url, DeliveryMode mode) {
        queue = Queue.named("sluice-bench").delivery(mode);
        sluice = Sluice.connect(url);
        client = sluice.client(queue);
    }

    @Override
    public String version() {
        return "Sluice";
    }

    @Override
    public void fill(int tasks, String payload) {
        long created = client.enqueueAll(Flux.range(0, tasks).map(i -> Task.of("noop", payload)))
                .filter(EnqueueResult::isCreated)
                .count()
                .block();
        if (created != tasks) {
            throw new IllegalStateException((tasks - created) + " tasks were not taken");
        }
    }

    // A task that is refused never comes, and the step does not end.
    @Override
    public void enqueue(String payload) {
        client.enqueue(Task.of("noop", payload)).subscribe(result -> {}, failure -> {});
    }

    @Override
    public void work(Consumer<String> handler) {
        dispatcher = sluice.dispatcher(queue).handler("noop", String.class, context -> {
            handler.accept(context.payload());
            return Mono.empty();
        });
        dispatcher.start().block();
    }

    @Override
    public void close() {
        if (dispatcher != null) {
            dispatcher.stop(Duration.ofSeconds(5)).block();
        }
        sluice.close().block();
    }
}
