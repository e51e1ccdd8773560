package dev.sluice.dispatch;

import dev.sluice.redis.ClaimStore;
import dev.sluice.redis.RedisLink;
import dev.sluice.redis.RedisLinks;
import dev.sluice.task.Queue;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Function;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Mono;

/**
 * How a pump hears that a queue has work: by the doorbell, and by what foreign producers push. Each is a blocking wait
 * on a link of its own.
 *
 * <p>Confined to the loop thread.
 */
final class News {
    private final RedisLinks links;
    private final Wait rings;
    private final Wait pushes;
    private final Disposable.Composite waiting = Disposables.composite();

    News(RedisLinks links, ClaimStore store, Queue queue) {
        this.links = links;
        this.rings =
                new Wait(links.open("doorbell:" + queue.name()), link -> longest -> store.awaitRing(link, longest));
        this.pushes =
                new Wait(links.open("foreign:" + queue.name()), link -> longest -> store.awaitForeign(link, longest));
    }

    /** From now on tells {@code onReturn}, on the loop thread, of each wait that has returned, with or without news. */
    void start(Calls calls, Consumer<Wait> onReturn, Consumer<Throwable> onBug) {
        waiting.add(rings.source.start(() -> calls.later(() -> onReturn.accept(rings)), onBug));
        waiting.add(pushes.source.start(() -> calls.later(() -> onReturn.accept(pushes)), onBug));
    }

    Wait rings() {
        return rings;
    }

    Wait pushes() {
        return pushes;
    }

    void stop() {
        waiting.dispose();
    }

    /** After {@link #stop}: the links tell nobody any more that they are closed. */
    Mono<Void> close() {
        return links.close(rings.link).and(links.close(pushes.link));
    }

    /** One blocking wait, and the link that it has for itself. */
    static final class Wait {
        private final RedisLink link;
        private final ReadySource source;
        private boolean followed;

        private Wait(RedisLink link, Function<RedisLink, Function<Duration, Mono<Void>>> once) {
            this.link = link;
            this.source = new ReadySource(once.apply(link));
        }

        /** Waits once, unless it waits already. */
        void begin() {
            source.arm(ReadySource.LONGEST);
        }

        /**
         * Whether it is pending and no call was sent behind it yet. One is enough: a wait that fails at once, as where it is
         * forbidden, holds back nothing, and one call after the other would be sent until the next try.
         */
        boolean canBeFollowed() {
            return source.isArmed() && !followed;
        }

        /** The link for the one call behind it, which runs as soon as the wait has returned. */
        RedisLink follow() {
            followed = true;
            return link;
        }

        /** Opens another connection in place of one that seems to be dead: a wait that is pending ends, and the call behind it fails. */
        void renew() {
            link.renew();
        }

        void returned() {
            followed = false;
            source.returned();
        }
    }
}
