package dev.sluice.testkit;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A connection that speaks Redis' protocol over a bare socket: what a producer in any other language does.
 *
 * <p>Knows nothing of Sluice or Lettuce, so that a test can check both from outside. For one thread.
 */
public final class RedisWire implements AutoCloseable {

    private static final int TIMEOUT_MS = 5_000;

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;

    private RedisWire(Socket socket) throws IOException {
        this.socket = socket;
        this.in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        this.out = new BufferedOutputStream(socket.getOutputStream(), 1 << 16);
    }

    static RedisWire connect(int port, @Nullable String password) {
        Socket socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(TIMEOUT_MS);
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), TIMEOUT_MS);
            RedisWire wire = new RedisWire(socket);
            if (password != null) {
                wire.call("AUTH", password);
            }
            return wire;
        } catch (IOException e) {
            closeQuietly(socket, e);
            throw new RedisServerException("cannot connect to Redis on port " + port, e);
        } catch (RedisServerException e) {
            closeQuietly(socket, e);
            throw e;
        }
    }

    /**
     * Sends one command and returns its reply: text as {@code String}, numbers as {@code Long}, arrays as {@code List},
     * nothing as {@code null}. Words are sent as UTF-8.
     *
     * @throws RedisServerException if Redis answers with an error (whose text is the message), or not within 5 seconds
     */
    public @Nullable Object call(String... words) {
        send(words);
        return reply();
    }

    /** Sends one command without waiting: as many {@link #reply()} calls must follow. At most 64 KiB stay unsent. */
    public void send(String... words) {
        try {
            writeLine("*" + words.length);
            for (String word : words) {
                byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
                writeLine("$" + bytes.length);
                out.write(bytes);
                writeLine("");
            }
        } catch (IOException e) {
            throw new RedisServerException("Redis did not take a command", e);
        }
    }

    /** The next reply, in the order of the commands; an error inside an array is returned as its text. */
    public @Nullable Object reply() {
        try {
            out.flush();
            Object reply = readReply();
            if (reply instanceof ErrorReply error) {
                throw new RedisServerException(error.message());
            }
            return reply;
        } catch (IOException e) {
            throw new RedisServerException("Redis did not answer", e);
        }
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new RedisServerException("cannot close a connection", e);
        }
    }

    private void writeLine(String line) throws IOException {
        out.write(line.getBytes(StandardCharsets.US_ASCII));
        out.write('\r');
        out.write('\n');
    }

    private @Nullable Object readReply() throws IOException {
        String line = readLine();
        String rest = line.substring(1);
        return switch (line.charAt(0)) {
            case '+' -> rest;
            case '-' -> new ErrorReply(rest);
            case ':' -> Long.valueOf(rest);
            case '$' -> readText(Integer.parseInt(rest));
            case '*' -> readArray(Integer.parseInt(rest));
            default -> throw new IOException("not a reply of Redis: " + line);
        };
    }

    private @Nullable String readText(int length) throws IOException {
        if (length < 0) {
            return null;
        }
        byte[] bytes = in.readNBytes(length + 2);
        if (bytes.length < length + 2) {
            throw new EOFException("the connection was closed inside a reply");
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    private @Nullable List<@Nullable Object> readArray(int size) throws IOException {
        if (size < 0) {
            return null;
        }
        List<@Nullable Object> items = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            Object item = readReply();
            items.add(item instanceof ErrorReply error ? error.message() : item);
        }
        return items;
    }

    private String readLine() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\r'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("the connection was closed");
            }
            line.append((char) c);
        }
        if (in.read() != '\n' || line.isEmpty()) {
            throw new IOException("not a reply of Redis");
        }
        return line.toString();
    }

    private static void closeQuietly(Socket socket, Exception reason) {
        try {
            socket.close();
        } catch (IOException e) {
            reason.addSuppressed(e);
        }
    }

    private record ErrorReply(String message) {}
}
