package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.client.EnqueueResult;
import dev.sluice.client.TaskClient;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.util.List;
import reactor.core.publisher.Flux;

/** How fast tasks are put in: one after the other's answer, many calls in flight, or as one stream. */
final class Enqueue implements Variant {
    private static final int IN_FLIGHT = 256;

    private final RedisUnderLoad redis;
    private final Load load;
    private final Way way;

    private Enqueue(RedisUnderLoad redis, Load load, Way way) {
        this.redis = redis;
        this.load = load;
        this.way = way;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(
                new Enqueue(redis, load, Way.AWAITED),
                new Enqueue(redis, load, Way.PIPELINED),
                new Enqueue(redis, load, Way.BULK));
    }

    @Override
    public String name() {
        return "enqueue " + way.words;
    }

    @Override
    public Figures run() {
        Queue queue = Queue.named("sluice-bench-enqueue");
        redis.clear(queue.name());
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        try {
            int tasks = Math.max(1, load.tasks / way.fewer);
            String text = load.text();
            Flux<Task<String>> source = Flux.range(0, tasks).map(i -> Task.of("noop", text));
            TaskClient client = sluice.client(queue);
            client.enqueue(Task.of("noop", text)).block(); // connects
            Effort before = Effort.now(redis);
            long created = put(client, source).filter(EnqueueResult::isCreated).count().block();
            Effort after = Effort.now(redis);
            if (created != tasks) {
                throw new IllegalStateException((tasks - created) + " tasks were not taken");
            }
            after.since(before, tasks, after.secondsSince(before), figures);
            figures.put("Redis MB per 100,000 waiting", (after.memory() - before.memory()) * 1e5 / tasks / 1e6);
        } finally {
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    private Flux<EnqueueResult> put(TaskClient client, Flux<Task<String>> source) {
        return switch (way) {
            case AWAITED -> source.concatMap(client::enqueue, 1);
            case PIPELINED -> source.flatMap(client::enqueue, IN_FLIGHT);
            case BULK -> client.enqueueAll(source);
        };
    }

    private enum Way {
        AWAITED("single, each awaited", 20),
        PIPELINED("single, " + IN_FLIGHT + " in flight", 2),
        BULK("bulk", 1);

        private final String words;
        private final int fewer;

        Way(String words, int fewer) {
            this.words = words;
            this.fewer = fewer;
        }
    }
}
