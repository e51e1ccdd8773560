package dev.sluice.push;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.ReferenceCountUtil;

/**
 * Stands right behind the HTTP codec and lets only final answers through: Reactor Netty knows 100 of those that come before, and takes
 * any other, such as 103, for the answer itself; the final one would then be that of the next delivery on its connection.
 */
final class InterimAnswers extends ChannelInboundHandlerAdapter {
    private boolean inside;

    @Override
    @SuppressWarnings("FutureReturnValueIgnored") // nobody could do more about a connection that does not close
    public void channelRead(ChannelHandlerContext channel, Object message) {
        if (message instanceof HttpResponse answer) {
            if (answer.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS)) {
                ReferenceCountUtil.release(message);
                channel.fireExceptionCaught(new NotDeliveredException(
                        "the target switched to another protocol, though nobody asked for that"));
                channel.close();
                return;
            }
            inside = answer.status().codeClass() == HttpStatusClass.INFORMATIONAL;
        }
        if (inside) {
            inside = !(message instanceof LastHttpContent);
            ReferenceCountUtil.release(message);
            channel.read(); // nobody behind this knows that more is to come
        } else {
            channel.fireChannelRead(message);
        }
    }
}
