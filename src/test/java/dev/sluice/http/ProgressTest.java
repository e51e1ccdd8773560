package dev.sluice.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.DefaultChannelConfig;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import reactor.netty.NettyPipeline;

/** The clock is moved by hand: no test waits. */
class ProgressTest {
    private static final Duration HEADERS = Duration.ofSeconds(10);
    private static final Duration PERIOD = Duration.ofSeconds(30);
    private static final String POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n";

    private long now = 1; // 0 would be no time at all
    private final SlowChannel channel = new SlowChannel(new ChannelInitializer<>() {
        @Override
        protected void initChannel(Channel it) {
            it.pipeline().addLast(NettyPipeline.HttpCodec, new HttpServerCodec());
            Progress.watch(it, new Progress.Patience(HEADERS, PERIOD), () -> now);
        }
    });

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    @Test
    void whoSaysNothingIsCutOffAfterTheTimeForHeaders() {
        pass(HEADERS.minusSeconds(1));
        assertThat(channel.isOpen()).isTrue();

        pass(Duration.ofSeconds(3));
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aBodyHasItsWholePeriodWheneverItBegins() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        answer();
        pass(PERIOD.minusSeconds(1));

        receive(POST);
        pass(PERIOD.minusSeconds(1));
        assertThat(channel.isOpen()).isTrue();

        pass(Duration.ofSeconds(3));
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aBodyThatGoesOnIsNotCutOff() {
        receive(POST);
        for (int i = 0; i < 4; i++) {
            receive("x".repeat(1024));
            pass(PERIOD.plusSeconds(1));
        }
        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void anAnswerHasItsWholePeriodWheneverItBegins() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        pass(PERIOD.minusSeconds(1));

        var unread = channel.write(response()); // not flushed: the client does not read it
        pass(PERIOD.minusSeconds(1));
        assertThat(channel.isOpen()).isTrue();

        pass(Duration.ofSeconds(3));
        assertThat(channel.isOpen()).isFalse();
        assertThat(unread.isSuccess()).isFalse();
    }

    @Test
    void aLongAnswerMayBeReadSlowlyButNotLeft() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var unused = channel.writeAndFlush(response(new byte[200_000]));

        for (int i = 0; i < 10; i++) {
            channel.take(1_000);
            pass(PERIOD);
            assertThat(channel.isOpen()).as("period %s", i).isTrue();
        }

        pass(PERIOD.plusSeconds(3));
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whatFollowsARequestIsNotMeasuredAgainstItsAnswer() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        receive("\r\n");

        pass(HEADERS.plusSeconds(5));

        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void anAnswerIsAwaitedByWhoSendsNothingMore() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(mayHalfClose()).isTrue();

        answer();
        assertThat(mayHalfClose()).isFalse();
    }

    @Test
    void aStreamEndsWithItsClientEvenIfItBeganBeforeTheRequestWasRead() {
        receive("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
        beginStream();
        receive("x");
        assertThat(mayHalfClose()).isFalse();
    }

    @Test
    void aStreamEndsWithItsClientEvenIfThatHasAskedForMore() {
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        beginStream();
        receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assertThat(mayHalfClose()).isFalse();

        var unused = channel.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
        channel.take(Long.MAX_VALUE);
        assertThat(mayHalfClose())
                .as("the stream is over, the other answer is not")
                .isTrue();
    }

    private boolean mayHalfClose() {
        return channel.config().getOption(ChannelOption.ALLOW_HALF_CLOSURE);
    }

    private void beginStream() {
        DefaultHttpResponse head = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        head.headers().set("Content-Type", "text/event-stream").set("Transfer-Encoding", "chunked");
        var unused = channel.writeAndFlush(head);
    }

    private void receive(String text) {
        channel.read();
        channel.writeInbound(Unpooled.copiedBuffer(text, US_ASCII));
        channel.releaseInbound();
    }

    private void answer() {
        var unused = channel.writeAndFlush(response());
        channel.take(Long.MAX_VALUE);
    }

    private static DefaultFullHttpResponse response(byte... body) {
        DefaultFullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, Unpooled.wrappedBuffer(body));
        response.headers().set("Content-Length", body.length);
        return response;
    }

    /** Second by second, as the timers of the channel expect it. */
    private void pass(Duration time) {
        for (long i = 0; i < time.toSeconds(); i++) {
            now += TimeUnit.SECONDS.toNanos(1);
            channel.advanceTimeBy(1, TimeUnit.SECONDS);
            channel.runScheduledPendingTasks();
        }
    }

    /** Has a client that takes of what is flushed only what it is told to. */
    private static final class SlowChannel extends EmbeddedChannel {
        private @Nullable ChannelConfig config;
        private long taken;

        SlowChannel(ChannelHandler... handlers) {
            super(handlers);
        }

        @Override
        public ChannelConfig config() {
            if (config == null) { // asked for while this is being made
                config = new HalfClosing(this);
            }
            return config;
        }

        void take(long bytes) {
            taken = bytes;
            flush();
        }

        @Override
        protected void doWrite(ChannelOutboundBuffer unsent) {
            while (taken > 0 && unsent.current() instanceof ByteBuf next) {
                long bytes = Math.min(taken, next.readableBytes());
                unsent.removeBytes(bytes);
                taken -= bytes;
            }
        }
    }

    /** Knows the option that the channels of sockets know. */
    private static final class HalfClosing extends DefaultChannelConfig {
        private boolean isAllowed;

        HalfClosing(Channel channel) {
            super(channel);
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T getOption(ChannelOption<T> option) {
            return option.equals(ChannelOption.ALLOW_HALF_CLOSURE) ? (T) (Boolean) isAllowed : super.getOption(option);
        }

        @Override
        public <T> boolean setOption(ChannelOption<T> option, T value) {
            if (option.equals(ChannelOption.ALLOW_HALF_CLOSURE)) {
                isAllowed = (Boolean) value;
                return true;
            }
            return super.setOption(option, value);
        }
    }
}
