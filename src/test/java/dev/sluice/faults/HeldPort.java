package dev.sluice.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;

/** The port of a server that is away. */
final class HeldPort {
    private HeldPort() {}

    /**
     * Does something while whoever connects to the port is refused, and no other test's server gets it: the clients of this one would
     * work on that. Its own server may have it again at any time, also while a process that is just being started has a copy of
     * what holds it.
     */
    static void during(int port, Runnable absence) {
        try (SocketChannel holder = SocketChannel.open()) {
            holder.setOption(StandardSocketOptions.SO_REUSEADDR, true) // as Redis' own
                    .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            absence.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
