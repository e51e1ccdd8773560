package dev.sluice.push;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

/**
 * Stands right before the socket and looks at the very address that it is told to connect to. A check of what the host
 * resolves to would be one of another look-up: who owns the name can answer differently a moment later.
 */
final class ConnectGuard extends ChannelOutboundHandlerAdapter {
    private final AddressGuard guard;

    ConnectGuard(AddressGuard guard) {
        this.guard = guard;
    }

    @Override
    public void connect(ChannelHandlerContext channel, SocketAddress remote, SocketAddress local, ChannelPromise done)
            throws Exception {
        if (remote instanceof InetSocketAddress internet
                && !internet.isUnresolved()
                && guard.allows(internet.getAddress())) {
            super.connect(channel, remote, local, done);
        } else {
            done.setFailure(new NotDeliveredException(
                    "the target's address is not one of the public internet and was not allowed: " + remote));
        }
    }
}
