package dev.sluice.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.netty.NettyPipeline;
import reactor.netty.http.Http11SslContextSpec;
import reactor.netty.http.server.HttpServer;
import reactor.netty.tcp.SslProvider.GenericSslContextSpec;

/**
 * The TLS of a server. A record that is broken behind the handshake ends the connection here: the request that it breaks off
 * would tell of it with a stack trace, and anybody can send one. On the event loop of the connection alone.
 */
final class Tls extends ChannelInboundHandlerAdapter {
    private static final Logger LOG = LoggerFactory.getLogger(Tls.class);

    private Tls() {}

    /** A server that answers only over TLS, and waits that long for a handshake. */
    static HttpServer secured(TlsIdentity identity, Duration patience) {
        GenericSslContextSpec<SslContextBuilder> context = Http11SslContextSpec.forServer(
                        identity.key(), identity.certificates())
                .configure(builder -> builder.sslProvider(SslProvider.JDK).protocols("TLSv1.3", "TLSv1.2"));
        return HttpServer.create().secure(spec -> spec.sslContext(context).handshakeTimeout(patience));
    }

    static void watch(Channel channel) {
        channel.pipeline().addAfter(NettyPipeline.SslHandler, "sluice.tls", new Tls());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
        if (failure.getCause() instanceof SSLException broken) {
            LOG.atDebug()
                    .addKeyValue("remote", context.channel().remoteAddress())
                    .addKeyValue("reason", broken.getMessage())
                    .log("TLS failed");
            var unused = context.close();
        } else {
            context.fireExceptionCaught(failure);
        }
    }
}
