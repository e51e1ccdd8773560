package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.http.HttpApi;
import dev.sluice.http.HttpListener;
import dev.sluice.task.Queue;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;

/** How fast tasks are put in over HTTP by a client in this very process: one a request, or as one stream of lines. */
final class Http implements Variant {
    private static final int CONNECTIONS = 64;
    private static final int LINES_IN_A_BUFFER = 100;
    private static final Duration LIMIT = Duration.ofMinutes(10);

    private final RedisUnderLoad redis;
    private final Load load;
    private final boolean batch;

    private Http(RedisUnderLoad redis, Load load, boolean batch) {
        this.redis = redis;
        this.load = load;
        this.batch = batch;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Http(redis, load, false), new Http(redis, load, true));
    }

    @Override
    public String name() {
        return batch ? "enqueue over HTTP, NDJSON" : "enqueue over HTTP, one a request, " + CONNECTIONS + " connections";
    }

    @Override
    public Figures run() {
        Queue queue = Queue.named("sluice-bench-http");
        redis.clear(queue.name());
        int tasks = batch ? load.tasks : Math.max(1, load.tasks / 4);
        Figures figures = new Figures();
        Sluice sluice = Sluice.connect(redis.uri());
        ConnectionProvider connections = ConnectionProvider.create("sluice-bench", CONNECTIONS);
        HttpListener listener = HttpApi.over(sluice)
                .queue(queue)
                .build()
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), false)
                .block();
        try {
            HttpClient client = HttpClient.create(connections).remoteAddress(listener::address);
            String task = "{\"type\":\"noop\",\"payload\":\"" + load.text() + "\"}";
            one(client, queue, task).block(); // connects
            Effort before = Effort.now(redis);
            Mono<Long> created = batch
                    ? stream(client, queue, task + "\n", tasks)
                    : Flux.range(0, tasks)
                            .flatMap(i -> one(client, queue, task), CONNECTIONS)
                            .filter(status -> status == 201)
                            .count();
            long taken = created.block(LIMIT);
            Effort after = Effort.now(redis);
            if (taken != tasks) {
                throw new IllegalStateException((tasks - taken) + " tasks were not taken");
            }
            after.since(before, tasks, after.secondsSince(before), figures);
        } finally {
            listener.stop(Duration.ZERO).block();
            connections.disposeLater().block();
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    private static Mono<Integer> one(HttpClient client, Queue queue, String task) {
        return client.headers(it -> it.set(HttpHeaderNames.CONTENT_TYPE, "application/json"))
                .post()
                .uri("/v1/queues/" + queue.name() + "/tasks")
                .send(Mono.fromSupplier(() -> buffer(task)))
                .responseSingle(
                        (response, body) -> body.then(Mono.just(response.status().code())));
    }

    /** How many of the lines of the answer say that a task was created. */
    private static Mono<Long> stream(HttpClient client, Queue queue, String line, int tasks) {
        Flux<ByteBuf> lines = Flux.range(0, (tasks + LINES_IN_A_BUFFER - 1) / LINES_IN_A_BUFFER)
                .map(i -> buffer(line.repeat(Math.min(LINES_IN_A_BUFFER, tasks - i * LINES_IN_A_BUFFER))));
        return client.headers(it -> it.set(HttpHeaderNames.CONTENT_TYPE, "application/x-ndjson"))
                .post()
                .uri("/v1/queues/" + queue.name() + "/tasks:batch")
                .send(lines)
                .responseContent()
                .asString(StandardCharsets.US_ASCII)
                .reduceWith(Counting::new, Counting::read)
                .map(counting -> counting.created);
    }

    private static ByteBuf buffer(String text) {
        return Unpooled.wrappedBuffer(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** Counts a word in a text that comes in pieces. */
    private static final class Counting {
        private static final String WORD = "\"created\"";

        private String rest = "";
        private long created;

        Counting read(String piece) {
            String text = rest + piece;
            int from = 0;
            for (int at = text.indexOf(WORD); at >= 0; at = text.indexOf(WORD, from)) {
                created++;
                from = at + WORD.length();
            }
            rest = text.substring(Math.max(from, text.length() - WORD.length() + 1));
            return this;
        }
    }
}
