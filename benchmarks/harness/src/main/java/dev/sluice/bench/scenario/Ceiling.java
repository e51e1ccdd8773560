package dev.sluice.bench.scenario;

import dev.sluice.Sluice;
import dev.sluice.bench.measure.Effort;
import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.ExchangeCall;
import dev.sluice.redis.ExchangeReply;
import dev.sluice.redis.Frame;
import dev.sluice.redis.RedisLinks;
import dev.sluice.redis.Tokens;
import dev.sluice.task.Queue;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * How fast Redis gives out and takes back the tasks of a full queue with the scripts of a dispatcher, but without one:
 * whatever a call claims, the next call of its lane settles. No dispatcher can be faster than that.
 */
final class Ceiling implements Variant {
    private static final int LANES = 4; // calls in flight, as a dispatcher has
    private static final Duration LEASE = Duration.ofMinutes(10);

    private final RedisUnderLoad redis;
    private final Load load;
    private final boolean foreign;

    Ceiling(RedisUnderLoad redis, Load load, boolean foreign) {
        this.redis = redis;
        this.load = load;
        this.foreign = foreign;
    }

    @Override
    public String name() {
        return "ceiling: the scripts of drain at-least-once alone, " + (foreign ? "foreign" : "own") + " tasks";
    }

    @Override
    public Figures run() {
        Queue queue = Queue.named("sluice-bench-ceiling");
        redis.clear(queue.name());
        Sluice sluice = Sluice.connect(redis.uri());
        RedisLinks links = RedisLinks.own(RedisURI.create(redis.uri()), null);
        Figures figures = new Figures();
        try {
            Drain.fill(sluice, queue, redis, load, foreign, 0);
            ClaimStore store = links.claims(queue, 3);
            store.join("ceiling", LEASE).block();
            Run run = new Run(store);
            Effort before = Effort.now(redis);
            run.all().block(Duration.ofMinutes(10));
            Effort after = Effort.now(redis);
            if (run.settled != load.tasks) {
                throw new IllegalStateException("of " + load.tasks + " tasks " + run.settled + " were settled");
            }
            after.since(before, load.tasks, after.secondsSince(before), figures);
        } finally {
            links.close().block();
            sluice.close().block();
            redis.clear(queue.name());
        }
        return figures;
    }

    /** Confined to the thread that reads the answers: the first call brings the others there. */
    private static final class Run {
        private final ClaimStore store;
        private final byte[][] keys;
        private long number;
        private int settled;

        Run(ClaimStore store) {
            this.store = store;
            this.keys = store.keysOf("ceiling");
        }

        Mono<Void> all() {
            return send(new ExchangeCall(++number, 0, false))
                    .flatMapMany(joined -> Flux.range(0, LANES))
                    .flatMap(lane -> send(claim()).expand(this::next), LANES)
                    .then();
        }

        private Mono<Step> next(Step done) {
            ExchangeCall call = claim();
            for (int i = 0; i < done.reply.frames().size(); i++) {
                boolean awaits = Frame.read(done.reply.frames().get(i)).awaitsStatus();
                call.succeeded(Tokens.of(done.call, i + 1), awaits);
            }
            settled += call.settles();
            return call.settles() == 0 ? Mono.empty() : send(call);
        }

        private ExchangeCall claim() {
            return new ExchangeCall(++number, ExchangeCall.MAX_BATCH, false);
        }

        private Mono<Step> send(ExchangeCall call) {
            return store.exchange("ceiling", keys, call).map(reply -> new Step(call.number(), reply));
        }
    }

    private record Step(long call, ExchangeReply reply) {}
}
