package dev.sluice.faults;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Stands between a dispatcher and its Redis, and breaks connections as networks do.
 *
 * <p>TCP never leaves a hole in a stream: a connection of which bytes were swallowed is reset as soon as the network is
 * healthy again, and those that were only held get what is theirs.
 */
final class FaultProxy implements AutoCloseable {
    private static final int CHUNK = 16 * 1024;
    private static final int RECEIVE_BUFFER = 64 * 1024; // else a kernel may take megabytes that nobody reads
    private static final int LONGEST_TEXT = 64; // of those that are waited for
    private static final long PAUSE_NANOS = 1_000_000;
    private static final int REQUESTS_PER_SECOND = 1_000_000;
    private static final int REPLIES_PER_SECOND = 500_000;
    private static final int SWALLOWED_PER_SECOND =
            4_000_000; // what an end may keep of them for itself is gone in a second

    /** What becomes of the bytes. */
    enum Mode {
        /** They arrive. */
        PASS,
        /** They arrive a few milliseconds late, each read of them. */
        DELAY,
        /** Requests arrive at {@value #REQUESTS_PER_SECOND} bytes a second, replies at {@value #REPLIES_PER_SECOND}. */
        SLOW,
        /** Replies arrive byte by byte. */
        TRICKLE,
        /** Neither requests nor replies arrive, until later. */
        HOLD,
        /** Neither arrives, ever; they leave at {@value #SWALLOWED_PER_SECOND} bytes a second. */
        SWALLOW,
        /** Requests arrive, replies never do. */
        SWALLOW_REPLIES,
        /** Requests arrive; of the next replies one half, or what is before a text that was waited for; then comes a reset. */
        TEAR,
        /** Connections are reset, and so are new ones. */
        REFUSE
    }

    private volatile int redisPort;
    private final ServerSocket server;
    private final List<Link> links = new CopyOnWriteArrayList<>();
    private volatile Mode mode = Mode.PASS;
    private volatile Trap trap = new Trap("", Mode.PASS, 1, -1);

    FaultProxy(int redisPort) {
        this.redisPort = redisPort;
        try {
            server = new ServerSocket();
            server.setReceiveBufferSize(RECEIVE_BUFFER);
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 128);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        daemon(this::acceptAll);
    }

    int port() {
        return server.getLocalPort();
    }

    String uri() {
        return "redis://127.0.0.1:" + port();
    }

    /** From now on it leads to this server; open connections are reset. */
    void leadTo(int otherRedisPort) {
        redisPort = otherRedisPort;
        cut();
    }

    /** From now on this happens to every connection, those to come too. */
    void mode(Mode next) {
        mode = next;
        links.forEach(Link::modeChanged);
    }

    /** Resets every connection; new ones are welcome. */
    void cut() {
        links.forEach(Link::reset);
    }

    /** The open connections, oldest first. */
    List<Link> links() {
        return links;
    }

    /** The next {@code times} replies that contain {@code text}, and all after each on its connection, meet this mode. */
    Trap onReplyWith(String text, Mode then, int times) {
        Trap set = new Trap(text, then, times, -1);
        trap = set;
        return set;
    }

    /** Of the next reply that contains {@code text} so many bytes arrive, then comes a reset. */
    Trap cutReplyWith(String text, int bytes) {
        Trap set = new Trap(text, Mode.TEAR, 1, bytes);
        trap = set;
        return set;
    }

    @Override
    public void close() {
        mode = Mode.REFUSE;
        closeQuietly(server);
        cut();
    }

    private void acceptAll() {
        try {
            while (true) {
                Link link = new Link(server.accept());
                links.add(link);
                daemon(link::open);
            }
        } catch (IOException closed) {
            cut(); // who came last, too
        }
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work, "fault-proxy");
        thread.setDaemon(true);
        thread.start();
    }

    private static void closeQuietly(AutoCloseable what) {
        try {
            what.close();
        } catch (Exception gone) {
            return; // that is what was wanted
        }
    }

    /** One connection through the proxy. */
    final class Link {
        private final Socket client;
        private final Socket redis = new Socket();
        private volatile Mode own = Mode.PASS;
        private volatile boolean requestsHoled;
        private volatile boolean repliesHoled;
        private int untilTorn =
                -1; // of the thread that brings replies: so many bytes still arrive; -1 for half of what comes
        private long slowRequestsUntil = System.nanoTime(); // of the thread that brings them
        private long slowRepliesUntil = System.nanoTime();
        private byte[] seen = {}; // of the thread that brings replies: the last of them

        private Link(Socket client) {
            this.client = client;
        }

        /** From now on this happens to this connection only, unless something worse happens to all. */
        void mode(Mode next) {
            own = next;
            modeChanged();
        }

        /** Ends it with a reset, as a host that lost its memory of it does. */
        void reset() {
            links.remove(this);
            abort(client);
            abort(redis);
        }

        /** Ends it in good order, as a proxy or balancer does that is stopped: what was not answered never will be. */
        void hangUp() {
            links.remove(this);
            closeQuietly(client);
            closeQuietly(redis);
        }

        boolean isOpen() {
            return links.contains(this);
        }

        private Mode mode() {
            return mode == Mode.PASS ? own : mode;
        }

        private void modeChanged() {
            Mode now = mode();
            if (now == Mode.REFUSE || (now == Mode.PASS && (requestsHoled || repliesHoled))) {
                reset();
            }
        }

        private void open() {
            try {
                if (mode() == Mode.REFUSE) {
                    reset();
                    return;
                }
                client.setTcpNoDelay(true);
                redis.setTcpNoDelay(true);
                redis.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), redisPort), 1000);
                daemon(() -> pump(redis, client, true));
                pump(client, redis, false);
            } catch (IOException e) {
                reset();
            }
        }

        private void pump(Socket from, Socket to, boolean replies) {
            byte[] bytes = new byte[CHUNK];
            try {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
                    int caught = replies ? caught(bytes, n) : -1;
                    if (caught >= 0) {
                        own = trap.then;
                        untilTorn = caught;
                        trap.sprung.countDown();
                    }
                    relay(bytes, n, out, replies);
                }
            } catch (IOException e) {
                reset();
            }
            reset();
        }

        /** Where this piece is to be torn; -1 if it holds nothing that was waited for, nor the end of it. */
        private int caught(byte[] piece, int n) {
            byte[] all = Arrays.copyOf(seen, seen.length + n);
            System.arraycopy(piece, 0, all, seen.length, n);
            int caught = trap.springs(all, seen.length);
            seen = Arrays.copyOfRange(all, Math.max(0, all.length - LONGEST_TEXT), all.length);
            return caught;
        }

        private void relay(byte[] bytes, int n, OutputStream out, boolean replies) throws IOException {
            while (mode() == Mode.HOLD && isOpen()) {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
            switch (mode()) {
                case SWALLOW -> {
                    slowDown(n, SWALLOWED_PER_SECOND, replies);
                    swallow(replies);
                }
                case SWALLOW_REPLIES -> {
                    if (replies) {
                        swallow(true);
                    } else {
                        deliver(bytes, n, out, false);
                    }
                }
                case TEAR -> {
                    if (replies) {
                        tear(bytes, n, out);
                    } else {
                        deliver(bytes, n, out, false);
                    }
                }
                case SLOW -> {
                    slowDown(n, replies ? REPLIES_PER_SECOND : REQUESTS_PER_SECOND, replies);
                    deliver(bytes, n, out, replies);
                }
                case TRICKLE -> trickle(bytes, n, out, replies);
                case DELAY -> {
                    LockSupport.parkNanos(5 * PAUSE_NANOS);
                    deliver(bytes, n, out, replies);
                }
                default -> deliver(bytes, n, out, replies);
            }
        }

        /** A reply may come in pieces, where Redis writes it so: what is to arrive is counted over all of them. */
        private void tear(byte[] bytes, int n, OutputStream out) throws IOException {
            int left = untilTorn < 0 ? n / 2 : untilTorn;
            deliver(bytes, Math.min(left, n), out, true);
            untilTorn = left - n;
            if (untilTorn <= 0) {
                reset();
            }
        }

        /** Goes by the clock, so that a busy machine makes it hardly slower. */
        private void slowDown(int n, int bytesPerSecond, boolean replies) {
            long now = System.nanoTime();
            long before = Math.max(replies ? slowRepliesUntil : slowRequestsUntil, now - 100 * PAUSE_NANOS);
            long until = before + n * 1_000_000_000L / bytesPerSecond;
            if (replies) {
                slowRepliesUntil = until;
            } else {
                slowRequestsUntil = until;
            }
            LockSupport.parkNanos(until - now);
        }

        private void swallow(boolean replies) {
            repliesHoled |= replies;
            requestsHoled |= !replies;
        }

        private void trickle(byte[] bytes, int n, OutputStream out, boolean replies) throws IOException {
            int slowly = replies ? Math.min(n, 200) : 0;
            for (int i = 0; i < slowly; i++) {
                deliver(bytes, i, 1, out, true);
                if (i % 20 == 0) {
                    LockSupport.parkNanos(PAUSE_NANOS);
                }
            }
            deliver(bytes, slowly, n - slowly, out, replies);
        }

        private void deliver(byte[] bytes, int n, OutputStream out, boolean replies) throws IOException {
            deliver(bytes, 0, n, out, replies);
        }

        private void deliver(byte[] bytes, int from, int n, OutputStream out, boolean replies) throws IOException {
            if (replies ? repliesHoled : requestsHoled) {
                reset(); // the bytes before these never arrived
            } else {
                out.write(bytes, from, n);
            }
        }

        private void abort(Socket socket) {
            try {
                socket.setSoLinger(true, 0);
            } catch (IOException gone) {
                return; // it is closed already
            } finally {
                closeQuietly(socket);
            }
        }
    }

    /** Waits for replies. */
    static final class Trap {
        private final byte[] text;
        private final Mode then;
        private final CountDownLatch sprung;
        private final int cutAt;
        private volatile int firstPiece;

        private Trap(String text, Mode then, int times, int cutAt) {
            this.text = text.getBytes(StandardCharsets.UTF_8);
            if (this.text.length > LONGEST_TEXT) {
                throw new IllegalArgumentException("longer than what is kept of the pieces before: " + text);
            }
            this.then = then;
            this.sprung = new CountDownLatch(times);
            this.cutAt = cutAt;
        }

        /** How long the first piece of the last reply was, which is all of it where it comes in one. */
        int firstPiece() {
            return firstPiece;
        }

        /** Returns when all came; false if they did not within ten seconds. */
        boolean await() throws InterruptedException {
            return sprung.await(10, TimeUnit.SECONDS);
        }

        /**
         * Where the piece that begins at {@code from} is to be torn, which is where what it waits for begins if nobody
         * chose; -1 if that does not end in it. Redis may write a reply in pieces that end anywhere in the text.
         */
        private int springs(byte[] bytes, int from) {
            int first = Math.max(0, from - text.length + 1);
            for (int i = first; text.length > 0 && sprung.getCount() > 0 && i + text.length <= bytes.length; i++) {
                if (Arrays.equals(bytes, i, i + text.length, text, 0, text.length)) {
                    firstPiece = bytes.length - from;
                    return cutAt < 0 ? Math.max(0, i - from) : cutAt;
                }
            }
            return -1;
        }
    }
}
