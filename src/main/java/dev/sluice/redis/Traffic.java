package dev.sluice.redis;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelProgressiveFuture;
import io.netty.channel.ChannelProgressiveFutureListener;
import io.netty.channel.ChannelProgressivePromise;
import io.netty.channel.ChannelPromise;
import io.netty.util.concurrent.PromiseNotifier;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Notes whenever bytes get through a connection: some of an answer, or some of a request that is long. Who waits for an
 * answer tells by it a slow network from a dead one. Next to the socket, so that no element has to be complete.
 */
@ChannelHandler.Sharable // of one connection, which Lettuce may open again
final class Traffic extends ChannelDuplexHandler implements ChannelProgressiveFutureListener {
    /** The shortest write that may be done in parts: less than the records into which TLS cuts a long request. */
    private static final int LONG_BYTES = 16 * 1024;

    private final AtomicLong passed = new AtomicLong();

    /** Grows while something gets through. Any thread. */
    long passed() {
        return passed.get();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
        passed.incrementAndGet();
        context.fireChannelRead(bytes);
    }

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // whoever gave the promise hears of it
    public void write(ChannelHandlerContext context, Object request, ChannelPromise written) {
        boolean isLong = request instanceof ByteBuf bytes && bytes.readableBytes() >= LONG_BYTES;
        context.write(request, isLong ? watched(context, written.unvoid()) : written);
    }

    @SuppressWarnings("FutureReturnValueIgnored") // it is what goes back
    private ChannelPromise watched(ChannelHandlerContext context, ChannelPromise written) {
        ChannelProgressivePromise watched = context.newProgressivePromise();
        PromiseNotifier.cascade(watched.addListener(this), written);
        return watched;
    }

    /** Of a request that the socket's buffer has no room for, more goes when some has arrived; one that fits shows nothing. */
    @Override
    public void operationProgressed(ChannelProgressiveFuture request, long bytes, long total) {
        if (bytes < total) {
            passed.incrementAndGet();
        }
    }

    @Override
    public void operationComplete(ChannelProgressiveFuture request) {}
}
