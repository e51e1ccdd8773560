package dev.sluice.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import reactor.netty.NettyPipeline;

/*
 * A deadline for each read is of no use: who sends a byte a second keeps them all. A deadline for the whole of a request
 * forbids a batch that takes an hour. So what is watched is whether it goes on: headers have a time, and of everything else
 * a little has to pass in each period, unless it is the server that does not read.
 */

/** Closes a connection whose client dawdles. On the event loop of the connection alone. */
final class Progress extends ChannelDuplexHandler {
    private static final int LEAST = 1024;
    private static final int LOOKS_FOR_HEADERS = 5;

    private final Patience patience;
    private final LongSupplier nanos;
    private @Nullable ScheduledFuture<?> looks;
    private long headersSince; // 0 = none are awaited
    private int answering; // requests whose answer is not at its end
    private boolean begun; // the answer that is next to end
    private boolean broken; // the last request, and it is not refused yet
    private boolean inBody;
    private boolean telling; // a stream of events
    private boolean reading;
    private long received;
    private long receivingSince;
    private int writing;
    private long written;
    private long writingSince;
    private long unsent;
    private boolean sendsNoMore;
    private boolean parting;

    private Progress(Patience patience, LongSupplier nanos) {
        this.patience = patience;
        this.nanos = nanos;
    }

    static void watch(Channel channel, Patience patience) {
        watch(channel, patience, System::nanoTime);
    }

    /** The same by another clock, that of the channel's own timers. */
    static void watch(Channel channel, Patience patience, LongSupplier nanos) {
        Progress progress = new Progress(patience, nanos);
        channel.pipeline().addBefore(NettyPipeline.HttpCodec, "sluice.progress", progress);
        channel.pipeline().addAfter(NettyPipeline.HttpCodec, "sluice.requests", progress.new Requests());
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        headersSince = nanos.getAsLong();
        long every = patience.headers.toNanos() / LOOKS_FOR_HEADERS;
        looks = context.executor().scheduleWithFixedDelay(() -> look(context), every, every, TimeUnit.NANOSECONDS);
        context.fireChannelActive();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (looks != null) {
            looks.cancel(false);
        }
        context.fireChannelInactive();
    }

    @Override
    public void read(ChannelHandlerContext context) {
        reading = true;
        if (!sendsNoMore) { // epoll would fail, and close
            context.read();
        }
    }

    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        boolean first = !parting;
        parting = true;
        if (!first || !inBody || !Parting.begin(context.channel(), promise)) {
            var unused = context.close(promise);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!inBody && headersSince == 0) {
            headersSince = nanos.getAsLong();
        }
        if (message instanceof ByteBuf bytes) {
            received += bytes.readableBytes();
        }
        reading = false;
        context.fireChannelRead(message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        sendsNoMore |= event == ChannelInputShutdownEvent.INSTANCE;
        context.fireUserEventTriggered(event);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (writing++ == 0) {
            writingSince = nanos.getAsLong();
            written = 0;
        }
        ChannelPromise told = promise.unvoid();
        told.addListener(done -> {
            writing--;
            written++;
        });
        var unused = context.write(message, told); // the promise says it all
    }

    private void look(ChannelHandlerContext context) {
        long now = nanos.getAsLong();
        boolean tooLate = answering == 0 && headersSince != 0 && now - headersSince >= patience.headers.toNanos();
        if (inBody && now - receivingSince >= patience.period.toNanos()) {
            tooLate |= reading && received < LEAST;
            receivingSince = now;
            received = 0;
        }
        long left = unsent(context.channel());
        if (left < unsent) {
            written++; // a long answer is one write, which is not at its end before all of it is read
        }
        unsent = left;
        if (writing > 0 && now - writingSince >= patience.period.toNanos()) {
            tooLate |= written == 0;
            writingSince = now;
            written = 0;
        }
        if (tooLate) {
            var unused = context.close();
        }
    }

    /**
     * Has the connection stay for the answer if the client sends nothing more, or else end with what he sends: with his request, and
     * with a stream of events, which has no end to wait for. TLS has an end of its own, which closes.
     */
    private void stayOrEnd(Channel channel) {
        boolean isAwaited = answering > 0 && !inBody && !telling;
        channel.config()
                .setOption(
                        ChannelOption.ALLOW_HALF_CLOSURE,
                        isAwaited && channel.pipeline().get(SslHandler.class) == null);
        if (sendsNoMore && !isAwaited) {
            var unused = channel.close();
        }
    }

    /** How many bytes the connection has not taken yet. */
    private static long unsent(Channel channel) {
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes() - buffer.currentProgress();
    }

    /** Sees what the codec makes of the bytes, and what it makes bytes of. */
    private final class Requests extends ChannelDuplexHandler {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            if (message instanceof HttpRequest) {
                headersSince = 0;
                answering++;
                inBody = true;
                receivingSince = nanos.getAsLong();
                received = 0;
                stayOrEnd(context.channel());
            }
            if (isBrokenBody(message)) {
                ReferenceCountUtil.release(message);
                broken = true;
                refuseInItsTurn(context);
                return;
            }
            if (message instanceof LastHttpContent) { // on a busy machine an answer may have begun before
                inBody = false;
                stayOrEnd(context.channel());
            }
            context.fireChannelRead(message);
        }

        @Override
        public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
            boolean isLast = message instanceof LastHttpContent && !isInterim(message);
            begun |= message instanceof HttpResponse && !isInterim(message);
            if (message instanceof HttpResponse response && !isLast && EventText.TYPE.equals(type(response))) {
                telling = true;
                stayOrEnd(context.channel());
            }
            ChannelPromise told = promise;
            if (isLast) {
                answering--;
                begun = false;
                telling = false;
                if (answering == 0 && headersSince != 0) {
                    headersSince = nanos.getAsLong(); // what came meanwhile has its time from now on
                }
                told = promise.unvoid();
                told.addListener(done -> stayOrEnd(context.channel()));
            }
            var unused = context.write(message, told); // the promise says it all
            if (isLast) {
                refuseInItsTurn(context);
            }
        }

        /** A body whose chunks cannot be read. To whoever reads it, what came of it before would look whole. */
        private static boolean isBrokenBody(Object message) {
            return message instanceof HttpContent content
                    && !(message instanceof HttpRequest)
                    && content.decoderResult().isFailure();
        }

        /** Behind the answers to what was whole: says that this is no request, or else ends the connection in the midst of its answer. */
        private void refuseInItsTurn(ChannelHandlerContext context) {
            if (!broken || answering != 1) {
                return;
            }
            broken = false;
            if (begun) {
                var unused = context.close();
            } else {
                DefaultFullHttpResponse refusal =
                        new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.BAD_REQUEST);
                refusal.headers()
                        .set(HttpHeaderNames.CONTENT_LENGTH, 0)
                        .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
                ChannelFuture told = context.writeAndFlush(refusal);
                told.addListener(ChannelFutureListener.CLOSE);
            }
        }

        private static @Nullable String type(HttpResponse response) {
            return response.headers().get(HttpHeaderNames.CONTENT_TYPE);
        }

        private static boolean isInterim(Object message) {
            return message instanceof HttpResponse response
                    && response.status().codeClass() == HttpStatusClass.INFORMATIONAL;
        }
    }

    /**
     * How long is waited.
     *
     * @param headers for all headers of a request
     * @param period for a kilobyte of a body, or any part of an answer
     */
    record Patience(Duration headers, Duration period) {
        static final Patience STANDARD = new Patience(Duration.ofSeconds(10), Duration.ofSeconds(30));
    }
}
