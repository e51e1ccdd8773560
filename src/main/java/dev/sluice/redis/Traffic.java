package dev.sluice.redis;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelProgressiveFuture;
import io.netty.channel.ChannelProgressiveFutureListener;
import io.netty.channel.ChannelProgressivePromise;
import io.netty.channel.ChannelPromise;
import io.netty.util.concurrent.PromiseNotifier;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What gets through a connection: some of an answer, or some of a request that is long. Who waits for an answer tells by it
 * a slow network from a dead one. Seen next to the socket, so that no element has to be complete. Thread-safe.
 *
 * <p>Of a request it is known only that the socket's buffer took it. While that is full what it takes more has room that
 * others left, which have arrived; what fits, or fills it, shows nothing.
 */
final class Traffic {
    /** The shortest write that may be done in parts: at most the records into which TLS cuts a long request. */
    private static final int LONG_BYTES = 8 * 1024;

    private final AtomicLong passed = new AtomicLong();

    /** Grows while something gets through. */
    long passed() {
        return passed.get();
    }

    /** Watches this channel, too: Lettuce may open a connection again. */
    void watch(Channel channel) {
        channel.pipeline().addFirst(new Watch());
    }

    private final class Watch extends ChannelDuplexHandler implements ChannelProgressiveFutureListener {
        private int pending;
        private boolean full;

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
            pending++;
            ChannelProgressivePromise watched = context.newProgressivePromise();
            PromiseNotifier.cascade(watched.addListener(this), written);
            return watched;
        }

        @Override
        public void operationProgressed(ChannelProgressiveFuture request, long bytes, long total) {
            if (full) {
                passed.incrementAndGet();
            } else if (bytes < total) {
                request.channel()
                        .eventLoop()
                        .execute(() -> full = pending > 0); // when this flush has filled the buffer
            }
        }

        @Override
        public void operationComplete(ChannelProgressiveFuture request) {
            pending--;
            full &= pending > 0;
        }
    }
}
