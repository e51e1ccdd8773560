package dev.sluice.redis;

import io.lettuce.core.api.StatefulRedisConnection;
import io.netty.util.Timeout;
import io.netty.util.TimerTask;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.CoreSubscriber;
import reactor.core.Disposable;
import reactor.core.publisher.MonoSink;
import reactor.core.scheduler.Schedulers;
import reactor.util.context.Context;

/**
 * One command on its way through a link, from its subscription to its end: the answer, a failure, silence, or that nobody
 * waits any more. Whichever comes first, on whichever thread, is the one that counts.
 *
 * <p>One object in place of a chain of operators, and one timer that wakes no thread: a command is sent for each lone task,
 * and those cost more than all the rest of it.
 */
final class LinkCall implements CoreSubscriber<Reply>, TimerTask, Disposable {
    private static final Logger log = LoggerFactory.getLogger(LinkCall.class);
    private static final Duration TO_CONNECT = Duration.ofSeconds(2);
    private static final Duration TO_CATCH_UP = Duration.ofMillis(50);
    private static final int ATTEMPTS_TO_SEND = 4; // Lettuce was seen to hide a refused password twice in a row

    private final RedisLink link;
    private final Order order;
    private final Duration within;
    private final Duration patience;
    private final Supplier<@Nullable Carrier> through;
    private final MonoSink<Reply> asker;
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicReference<@Nullable Carrier> burdened =
            new AtomicReference<>(); // counts this call as under way
    private int attempts;
    private boolean inFull;
    private boolean waitsForConnection;
    private boolean doubts;
    private boolean lookedTwice;
    private volatile long passed;
    private volatile boolean done;
    private volatile @Nullable Timeout deadline;
    private volatile @Nullable Carrier carrier;
    private volatile @Nullable Subscription answering;

    /**
     * {@code within} that time each attempt has to be answered, or something has to get through its connection: bytes of an
     * answer or of a long request, whoever's that is. A connection that has to be opened first has 2 s for
     * that; where {@code within} is less, all of it has to do. Where {@code patience} is less, its connection is in doubt after
     * that time.
     */
    LinkCall(
            RedisLink link,
            Order order,
            Duration within,
            Duration patience,
            Supplier<@Nullable Carrier> through,
            MonoSink<Reply> asker) {
        this.link = link;
        this.order = order;
        this.within = within;
        this.patience = patience;
        this.through = through;
        this.asker = asker;
    }

    /** What to send. */
    interface Order {
        /** Says it for {@code call} through {@code open}; {@code inFull} where Redis did not know the script by its digest. */
        void send(
                CoreSubscriber<Reply> call,
                Carrier connection,
                StatefulRedisConnection<byte[], byte[]> open,
                boolean inFull);
    }

    /** Sends the command. */
    void start() {
        asker.onCancel(this);
        attempt();
    }

    private void attempt() {
        attempts++;
        Carrier connection = through.get();
        if (connection == null) {
            fail(link.gone());
            return;
        }
        carrier = connection;
        passed = connection.passed();
        doubts = false;
        lookedTwice = false;
        waitsForConnection = !connection.isDone() && within.compareTo(TO_CONNECT) >= 0;
        if (startTimer(waitsForConnection ? TO_CONNECT : patience)) {
            connection.serve(this);
        }
    }

    private boolean startTimer(Duration time) {
        stopTimer();
        try {
            Timeout next = link.timer().newTimeout(this, time.toNanos(), TimeUnit.NANOSECONDS);
            deadline = next;
            if (done) { // meanwhile
                next.cancel();
            } else if (next.isExpired()) { // and was taken for one that is over
                run(next);
            }
            return true;
        } catch (IllegalStateException stopped) { // whoever owns the client has ended its threads
            fail(stopped);
            return false;
        }
    }

    void send(Carrier connection, StatefulRedisConnection<byte[], byte[]> open) {
        if (over.get()) {
            finish();
            return;
        }
        if (waitsForConnection && !startTimer(patience)) {
            return;
        }
        passed = connection.passed();
        if (!mayDoubt()) {
            unburden();
            burdened.set(connection);
            connection.burden(1);
        }
        try {
            order.send(this, connection, open, inFull);
        } catch (RuntimeException bug) { // in what writes the arguments
            onError(bug);
        }
    }

    @Override
    public Context currentContext() {
        return Context.of(asker.contextView());
    }

    @Override
    public void onSubscribe(Subscription subscription) {
        answering = subscription;
        subscription.request(1);
    }

    /**
     * The answer, and the end of it: of one value that was requested Lettuce may lose the completion, when it comes while the thread
     * that sent the command is still in {@code request}.
     */
    @Override
    public void onNext(Reply answer) {
        finish();
        if (end()) {
            asker.success(answer);
        }
    }

    @Override
    public void onComplete() {
        finish();
        if (end()) {
            asker.success();
        }
    }

    @Override
    public void onError(Throwable failure) {
        if (RedisErrors.spoilsConnection(failure)) {
            link.replace(carrier);
        }
        if (over.get()) {
            finish();
            log.debug("A call failed that nobody waits for any more", failure);
        } else if (!inFull && RedisErrors.isUnknownScript(failure)) {
            inFull = true;
            attempt();
        } else if (attempts < ATTEMPTS_TO_SEND && RedisErrors.wasNotSent(failure)) {
            attempt();
        } else {
            fail(failure);
        }
    }

    private void fail(Throwable failure) {
        finish();
        if (end()) {
            asker.error(RedisErrors.classify(failure));
        }
    }

    /** Its time is over. The timer's thread is Lettuce's, and not for those who hear of it. */
    @Override
    public void run(Timeout timeout) {
        Schedulers.parallel().schedule(() -> silent(timeout));
    }

    private void silent(Timeout timeout) {
        if (done || timeout != deadline) { // else another wait has begun since
            return;
        }
        Carrier connection = carrier;
        if (connection != null && seesTraffic(connection)) {
            doubts = false;
            lookedTwice = false;
            startTimer(patience);
            return;
        }
        if (connection != null && connection.isUsable() && !doubts && mayDoubt()) {
            doubts = true;
            if (startTimer(within.minus(patience))) {
                link.doubt(connection, order, within, this);
            }
            return;
        }
        if (!lookedTwice && within.compareTo(TO_CONNECT) >= 0) {
            lookedTwice = true; // after a standstill of the process the timer may be ahead of the socket
            startTimer(TO_CATCH_UP);
            return;
        }
        unburden();
        boolean told = !end(); // before the connection is closed, which fails the command in its own way
        link.replace(carrier);
        Subscription unanswered = answering;
        if (unanswered != null) {
            unanswered.cancel();
        }
        if (!told) {
            asker.error(RedisErrors.classify(new TimeoutException("no answer came before the deadline")));
        }
    }

    /**
     * Nobody waits for it any more. The link still does: where all callers are more impatient than it, a dead connection
     * would never be found.
     */
    @Override
    public void dispose() {
        over.set(true);
    }

    /** Whether anything got through since the last look: it, or its answer, or what goes before them. */
    private boolean seesTraffic(Carrier connection) {
        long before = passed;
        passed = connection.passed();
        return passed != before;
    }

    /** True for one of all that could end it. */
    private boolean end() {
        return over.compareAndSet(false, true);
    }

    /** It is answered, or failed: there is nothing to wait for. */
    private void finish() {
        done = true;
        stopTimer();
        unburden();
    }

    private boolean mayDoubt() {
        return patience.compareTo(within) < 0;
    }

    private void unburden() {
        Carrier was = burdened.getAndSet(null);
        if (was != null) {
            was.burden(-1);
        }
    }

    private void stopTimer() {
        Timeout running = deadline;
        if (running != null) {
            running.cancel();
        }
    }
}
