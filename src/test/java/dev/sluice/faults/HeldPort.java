package dev.sluice.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;

/** The port of a server that is away. */
final class HeldPort {
    private HeldPort() {}

    /**
     * Does something while whoever connects to the port is refused, and no other server gets it. Otherwise one of another test may, and
     * the clients of this one would work on it.
     */
    static void during(int port, Runnable absence) {
        try (SocketChannel holder = SocketChannel.open()) {
            SocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
            try {
                holder.setOption(StandardSocketOptions.SO_REUSEADDR, false).bind(address);
            } catch (BindException lingering) { // connections of the server that was there
                holder.setOption(StandardSocketOptions.SO_REUSEADDR, true).bind(address);
                holder.setOption(StandardSocketOptions.SO_REUSEADDR, false);
            }
            absence.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
