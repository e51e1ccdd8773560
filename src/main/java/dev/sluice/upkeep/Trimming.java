package dev.sluice.upkeep;

import dev.sluice.observe.Observer;
import dev.sluice.redis.TrimReply;
import dev.sluice.redis.UpkeepStore;
import dev.sluice.task.DeadLetterRetention;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Holds the dead letters of one queue within their bounds, in steps of at most 256.
 *
 * <p>It looks at every fifth round of upkeep, and at every one while there is something to do. The log is told once when
 * it begins, and again only after a minute in which there was nothing to do.
 */
final class Trimming {
    private static final Logger log = LoggerFactory.getLogger(Trimming.class);
    private static final int ROUNDS_BETWEEN_LOOKS = 5;
    private static final int QUIET_LOOKS = 12; // about a minute of them
    private static final int STEPS_IN_A_ROW = 256; // keeps up with 65,536 deaths a round

    private final UpkeepStore store;
    private final Observer observer;
    private final String queue;
    private final DeadLetterRetention kept;
    private int roundsToPass;
    private int quietLooks = QUIET_LOOKS;
    private boolean idle;

    Trimming(UpkeepStore store, Observer observer, String queue, DeadLetterRetention kept) {
        this.store = store;
        this.observer = observer;
        this.queue = queue;
        this.kept = kept;
    }

    /** What one round of upkeep does. */
    Mono<Void> round() {
        if (roundsToPass > 0) {
            roundsToPass--;
            return Mono.empty();
        }
        idle = true;
        return Flux.defer(() -> store.trim(kept))
                .publishOn(Schedulers.parallel())
                .doOnNext(this::tell)
                .repeat(STEPS_IN_A_ROW)
                .takeWhile(TrimReply::more)
                .then()
                .doOnSuccess(done -> pauseIfIdle());
    }

    private void tell(TrimReply reply) {
        if (reply.removed() == 0) {
            return;
        }
        idle = false;
        observer.trimmed(queue, reply.removed());
        if (quietLooks >= QUIET_LOOKS) {
            log.atWarn()
                    .addKeyValue("queue", queue)
                    .addKeyValue("max_count", kept.maxCount())
                    .addKeyValue("max_age", kept.maxAge().toString())
                    .log("Dead letters are removed: there are too many, or they are too old");
        }
        quietLooks = 0;
    }

    private void pauseIfIdle() {
        if (idle) {
            quietLooks++;
            roundsToPass = ROUNDS_BETWEEN_LOOKS - 1;
        }
    }
}
