package dev.sluice.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.ResourceLeakDetector;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Netty's leak detector for the tests: what it finds is not only logged, it fails the test class after which it is found.
 * The build names it in {@code io.netty.customResourceLeakDetector}; it follows each buffer of the tests that run alone, and one
 * of sixteen of the others, which takes half of the processor.
 *
 * <p>A leak is found when the garbage collector has taken a buffer that nobody released, so it may be that of an earlier
 * class: the record of its accesses says which.
 *
 * @param <T> the resource
 */
public final class Leaks<T> extends ResourceLeakDetector<T> {
    private static final List<String> FOUND = new CopyOnWriteArrayList<>();

    /** One of the two constructors that Netty looks for. */
    public Leaks(Class<?> resource, int samplingInterval) {
        super(resource, samplingInterval);
    }

    /** The other one, which it uses no more but misses aloud. */
    public Leaks(Class<?> resource, int samplingInterval, long unused) {
        this(resource, samplingInterval);
    }

    /** Fails if a leak was found since the last time. */
    static void assertNone() {
        System.gc();
        followed().release(); // a detector reports when the next buffer comes that it follows
        List<String> found = List.copyOf(FOUND);
        FOUND.removeAll(found);
        assertThat(found).as("buffers that nobody released").isEmpty();
    }

    /** A buffer whose leak would be found for sure. */
    static ByteBuf followed() {
        Level level = getLevel();
        setLevel(Level.PARANOID);
        try {
            return UnpooledByteBufAllocator.DEFAULT.directBuffer(16);
        } finally {
            setLevel(level);
        }
    }

    @Override
    protected boolean needReport() {
        return true;
    }

    @Override
    protected void reportTracedLeak(String type, String records) {
        FOUND.add(type + records);
        super.reportTracedLeak(type, records);
    }

    @Override
    protected void reportUntracedLeak(String type) {
        FOUND.add(type);
        super.reportUntracedLeak(type);
    }
}
