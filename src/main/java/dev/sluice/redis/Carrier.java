package dev.sluice.redis;

import io.lettuce.core.RedisURI;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A connection, from the moment in which it begins to be opened. Calls that wait for it are served in the order of asking,
 * before any that comes later, which a future does not promise: commands keep their order. Thread-safe.
 */
final class Carrier extends CompletableFuture<StatefulRedisConnection<byte[], byte[]>> {
    private final Set<Script> scripts = ConcurrentHashMap.newKeySet(); // whose text went through it
    private final AtomicInteger burden = new AtomicInteger();
    private @Nullable List<LinkCall> waiting = new ArrayList<>(); // null once all were served
    private @Nullable Throwable failure;
    private final RedisURI address;

    Carrier(RedisURI address) {
        this.address = address;
    }

    RedisURI address() {
        return address;
    }

    boolean hasSent(Script script) {
        return scripts.contains(script);
    }

    /** The text of {@code script} is on its way: what is sent from now on comes after it. */
    void sent(Script script) {
        scripts.add(script);
    }

    /** Grows while anything gets through, whoever's it is. */
    long passed() {
        StatefulRedisConnection<byte[], byte[]> open = open();
        return open == null ? 0 : ReactiveClient.passed(open);
    }

    /** So many more, or fewer, calls are under way through it that must not be lost with it while it may live. */
    void burden(int calls) {
        burden.addAndGet(calls);
    }

    boolean isBurdened() {
        return burden.get() > 0;
    }

    boolean isUsable() {
        StatefulRedisConnection<byte[], byte[]> open = open();
        return open != null && open.isOpen();
    }

    private @Nullable StatefulRedisConnection<byte[], byte[]> open() {
        return isCompletedExceptionally() ? null : getNow(null);
    }

    /** Tells {@code call}, now or later, that it can be sent, or why not. */
    void serve(LinkCall call) {
        if (!waits(call)) {
            tell(call);
        }
    }

    /** To be called once it is complete: serves all who wait. */
    void opened() {
        for (List<LinkCall> next = nextToServe(); next != null; next = nextToServe()) {
            next.forEach(this::tell);
        }
    }

    /** Fails it, and all who wait for it; those who were served already hear of it in another way. */
    void failed(Throwable cause) {
        completeExceptionally(cause);
        synchronized (this) {
            if (failure == null) {
                failure = cause;
            }
        }
        opened();
    }

    private synchronized boolean waits(LinkCall call) {
        return waiting != null && waiting.add(call);
    }

    private synchronized @Nullable List<LinkCall> nextToServe() {
        List<LinkCall> next = waiting;
        if (next != null) {
            waiting = next.isEmpty() ? null : new ArrayList<>();
        }
        return waiting == null ? null : next;
    }

    private void tell(LinkCall call) {
        Throwable cause;
        synchronized (this) {
            cause = failure;
        }
        if (cause != null) {
            call.onError(cause);
        } else {
            call.send(this, join());
        }
    }
}
