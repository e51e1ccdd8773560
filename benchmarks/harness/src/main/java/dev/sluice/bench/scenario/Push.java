package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.push.PushHandler;
import dev.sluice.push.PushTarget;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;

/** How fast tasks are delivered, signed, to a URL whose server, in this very process, answers with the body it got, which becomes the result. */
final class Push implements Variant {
    private static final int FEWER = 8;
    private static final int CONNECTIONS = 64;
    private static final String SECRET = "whsec_c2x1aWNlLWJlbmNoLXNlY3JldC1vZi0zMi1ieXRlcw==";

    private final RedisUnderLoad redis;
    private final Load load;

    private Push(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Push(redis, load));
    }

    @Override
    public String name() {
        return "push, " + CONNECTIONS + " connections";
    }

    @Override
    public Figures run() throws InterruptedException {
        Queue queue = Queue.named("sluice-bench-push");
        redis.clear(queue.name());
        int tasks = Math.max(1, load.tasks / FEWER);
        redis.fill(queue.name(), queue.statusKey(), tasks, load.text());
        CountDownLatch left = new CountDownLatch(tasks);
        DisposableServer server = HttpServer.create()
                .host("127.0.0.1")
                .handle((request, response) -> {
                    left.countDown();
                    return response.header("content-type", "application/json")
                            .send(request.receive().retain());
                })
                .bindNow();
        PushHandler push = PushHandler.to(PushTarget.to("http://127.0.0.1:" + server.port() + "/")
                .allowPrivate("127.0.0.1")
                .connections(CONNECTIONS)
                .secret(SECRET)
                .build());
        Sluice sluice = Sluice.connect(redis.uri());
        Dispatcher dispatcher = sluice.dispatcher()
                .queue(queue, QueueSettings.standard().concurrency(load.concurrency))
                .build()
                .handler("noop", byte[].class, push);
        Figures figures = new Figures();
        try {
            Effort before = Effort.now(redis);
            dispatcher.start().block();
            if (!left.await(10, TimeUnit.MINUTES)) {
                throw new IllegalStateException(left.getCount() + " tasks were not delivered within 10 minutes");
            }
            Effort after = Effort.now(redis);
            after.since(before, tasks, after.secondsSince(before), figures);
        } finally {
            dispatcher.stop(Duration.ofSeconds(5)).block();
            push.close().block();
            sluice.close().block();
            server.disposeNow();
            redis.clear(queue.name());
        }
        return figures;
    }
}
