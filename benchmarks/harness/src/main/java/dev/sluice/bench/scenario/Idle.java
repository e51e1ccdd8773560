package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.Monitor;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import reactor.core.publisher.Mono;

/** What dispatchers cost while there is nothing to do: each has connections of its own, and all serve one queue. */
final class Idle implements Variant {
    private static final Duration SETTLING = Duration.ofSeconds(5);

    private final RedisUnderLoad redis;
    private final Load load;
    private final int dispatchers;

    private Idle(RedisUnderLoad redis, Load load, int dispatchers) {
        this.redis = redis;
        this.load = load;
        this.dispatchers = dispatchers;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Idle(redis, load, 1), new Idle(redis, load, 20));
    }

    @Override
    public String name() {
        return dispatchers + (dispatchers == 1 ? " idle dispatcher" : " idle dispatchers");
    }

    @Override
    public Figures run() throws Exception {
        Queue queue = Queue.named("sluice-bench-idle");
        redis.clear(queue.name());
        Figures figures = new Figures();
        List<Sluice> connected = new ArrayList<>();
        List<Dispatcher> idle = new ArrayList<>();
        try {
            for (int i = 0; i < dispatchers; i++) {
                Sluice sluice = Sluice.connect(redis.uri());
                connected.add(sluice);
                Dispatcher dispatcher = sluice.dispatcher(queue).handler("noop", Void.class, task -> Mono.empty());
                idle.add(dispatcher);
                dispatcher.start().block();
            }
            Thread.sleep(SETTLING.toMillis());
            try (Monitor monitor = Monitor.of(redis.uri())) {
                Effort before = Effort.now(redis);
                long commands = monitor.commandsWithin(Duration.ofSeconds(load.seconds));
                Effort after = Effort.now(redis);
                double each = after.secondsSince(before) * dispatchers;
                figures.put("client commands/s per dispatcher", commands / each);
                figures.put("% of a core per dispatcher, JVM", 100 * after.jvmSecondsSince(before) / each);
                figures.put("% of a core per dispatcher, Redis", 100 * after.redisSecondsSince(before) / each);
            }
        } finally {
            idle.forEach(dispatcher -> dispatcher.stop(Duration.ZERO).block());
            connected.forEach(sluice -> sluice.close().block());
            redis.clear(queue.name());
        }
        return figures;
    }
}
