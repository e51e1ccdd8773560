package dev.sluice.dispatch;

import java.util.concurrent.CompletionStage;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/**
 * A handler that runs code which blocks.
 *
 * <p>Each attempt has a thread of its own as long as its code runs, however deaf that is to an interrupt: whoever hangs holds up nobody
 * else, and no attempt's time runs while it waits for a thread. Reactor's elastic threads are not for this: they are fewer than tasks
 * may be held, and one whose work was cancelled is given to the next before that work has left it.
 *
 * <p>So there are as many threads as attempts are held, and those that linger: of attempts that were cut and whose code has not returned in
 * the time that it is given for that. When so many linger, no dispatcher of this process claims anything before some have returned.
 */
final class BlockingCode<T> implements TaskHandler<T> {
    private static final int IDLE_SECONDS = 60; // then a thread ends

    private static final Logger log = LoggerFactory.getLogger(BlockingCode.class);
    private static final int MOST_LINGERING = 256;
    private static final AtomicInteger LINGERING = new AtomicInteger();
    private static final AtomicBoolean TOLD = new AtomicBoolean();

    private final Code<T> code;

    BlockingCode(Code<T> code) {
        this.code = code;
    }

    @Override
    public Mono<?> handle(TaskContext<T> context) {
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        return Mono.defer(() -> run(context, loader)).subscribeOn(Threads.SCHEDULER);
    }

    /** An {@code Error} too is an end like any other: Reactor would tell nobody of it here. */
    private Mono<?> run(TaskContext<T> context, @Nullable ClassLoader loader) {
        Thread thread = Thread.currentThread();
        Attempt attempt = context instanceof Handed<T> handed ? handed.inner() : null;
        if (attempt != null && !attempt.enterCode()) {
            return Mono.empty(); // it was cut before it began
        }
        thread.setContextClassLoader(loader);
        try {
            return Mono.justOrEmpty(checked(code.run(context)));
        } catch (Throwable thrown) {
            return Mono.error(thrown);
        } finally {
            thread.setContextClassLoader(null);
            if (attempt != null) {
                attempt.leaveCode();
            }
        }
    }

    /** So many more pieces of code linger. */
    static void linger(int more) {
        int now = LINGERING.addAndGet(more);
        if (now < MOST_LINGERING / 2) {
            TOLD.set(false);
        } else if (now >= MOST_LINGERING && TOLD.compareAndSet(false, true)) {
            log.atWarn()
                    .addKeyValue("threads", now)
                    .log(
                            "Code in TaskHandler.blocking does not return though it was interrupted: nothing more is claimed until"
                                    + " some has. Give its driver timeouts of its own");
        }
    }

    /** Whether so many linger that no more may be begun. Any thread. */
    static boolean isExhausted() {
        return LINGERING.get() >= MOST_LINGERING;
    }

    private static @Nullable Object checked(@Nullable Object value) {
        if (value instanceof Publisher || value instanceof CompletionStage) {
            throw new IllegalStateException(
                    "blocking code returned a " + value.getClass().getName()
                            + ", for which nobody waits: it must return when the work is done, and a handler that has a Mono"
                            + " needs no thread that blocks");
        }
        return value;
    }

    /** As many as there is code inside, see above; made when first needed. */
    private static final class Threads {
        private static final AtomicLong MADE = new AtomicLong();
        private static final Scheduler SCHEDULER = Schedulers.fromExecutorService(
                new ThreadPoolExecutor(
                        0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), work -> {
                            Thread thread = new Thread(work, "sluice-blocking-" + MADE.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        }),
                "sluice-blocking");
    }
}
