package dev.sluice.dispatch;

import dev.sluice.redis.UpkeepReply;
import dev.sluice.task.Queue;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** A pump that moves nothing: what ends, ends. */
final class NoPump implements Pump {
    private static final Queue QUEUE = Queue.named("sluice-bench");
    private static final QueueSettings SETTINGS = QueueSettings.standard();

    private final Judge judge = new Judge(QUEUE.name(), true);
    private final RedisClock clock = new RedisClock();

    @Override
    public Queue queue() {
        return QUEUE;
    }

    @Override
    public QueueSettings settings() {
        return SETTINGS;
    }

    @Override
    public boolean timesAttempts() {
        return false;
    }

    @Override
    public RedisClock clock() {
        return clock;
    }

    @Override
    public Judge judge() {
        return judge;
    }

    @Override
    public boolean refusesStart(Attempt attempt, long nowNanos) {
        return false;
    }

    @Override
    public void ended(Attempt attempt, boolean wake) {
        // Nobody counts them.
    }

    @Override
    public void endedLate() {
        // Nobody counts them.
    }

    @Override
    public void reported(Attempt attempt) {
        // Nobody reads reports.
    }

    @Override
    public void wake() {
        // Nobody sleeps.
    }

    @Override
    public void seen(UpkeepReply round) {
        // Nobody looks.
    }

    @Override
    public Mono<Void> start() {
        return Mono.empty();
    }

    @Override
    public Mono<Void> stop(Duration grace) {
        return Mono.empty();
    }

    @Override
    public void concurrency(int limit) {
        // No limit here.
    }

    @Override
    public void turn() {
        // Nothing to do.
    }

    @Override
    public void tick(long nowNanos) {
        // Nothing to do.
    }
}
