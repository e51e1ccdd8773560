package dev.sluice.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.util.concurrent.TimeUnit;

/**
 * The end of a connection whose client is refused while it still sends: it gets its answer. Bytes that nobody reads would make
 * the kernel reset the connection, and take the answer with them. First in the pipeline: nothing is deciphered any more.
 */
final class Parting extends ChannelInboundHandlerAdapter {
    private static final int MOST = 8 * 1024 * 1024;
    private static final long MS = 2_000;

    private int thrownAway;

    private Parting() {}

    /** Closes that connection, in 2 s at the latest; false if there is no telling its client before that the answer is over. */
    static boolean begin(Channel channel, ChannelPromise promise) {
        if (!(channel instanceof DuplexChannel both) || !both.isActive()) {
            return false;
        }
        ChannelPipeline pipeline = both.pipeline().addFirst("sluice.parting", new Parting());
        ChannelHandlerContext context = pipeline.firstContext();
        SslHandler tls = pipeline.get(SslHandler.class);
        ChannelFuture told = tls == null ? both.newSucceededFuture() : tls.closeOutbound();
        told.addListener(done -> both.shutdownOutput().addListener(over -> context.read()));
        var unused = context.executor().schedule(() -> end(context, promise), MS, TimeUnit.MILLISECONDS);
        return true;
    }

    private static void end(ChannelHandlerContext context, ChannelPromise promise) {
        var unused = context.close(promise);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        thrownAway += message instanceof ByteBuf bytes ? bytes.readableBytes() : 0;
        ReferenceCountUtil.release(message);
        if (thrownAway > MOST) {
            var unused = context.close();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        context.read();
    }
}
