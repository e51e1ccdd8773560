package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A Redis client of a screenful: what any language has. It knows nothing of Sluice, so what it pushes was pushed by a
 * stranger. For one thread.
 */
public final class ForeignWire implements AutoCloseable {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final int REPLY_LIMIT_MS = 30_000;

    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final ByteArrayOutputStream unsent = new ByteArrayOutputStream(1 << 16);
    private int awaited;

    private ForeignWire(Socket socket) throws IOException {
        this.socket = socket;
        this.in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        this.out = socket.getOutputStream();
    }

    /** Connects, and logs in as the URL says. */
    public static ForeignWire connect(RedisAddress redis) throws IOException {
        Socket socket = redis.connect(CONNECT_LIMIT);
        try {
            socket.setSoTimeout(REPLY_LIMIT_MS);
            ForeignWire wire = new ForeignWire(socket);
            String user = redis.user();
            String password = redis.password();
            if (password != null && user != null) {
                wire.call("AUTH", user, password);
            } else if (password != null) {
                wire.call("AUTH", password);
            }
            if (!redis.database().equals("0")) {
                wire.call("SELECT", redis.database());
            }
            return wire;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** One command and its reply: text, number, list or null. */
    public @Nullable Object call(String... words) throws IOException {
        add(words);
        out.write(unsent.toByteArray());
        unsent.reset();
        awaited = 0;
        return reply();
    }

    /** Puts a command behind those that {@link #flush} will send. */
    public void add(String... words) {
        line("*" + words.length);
        for (String word : words) {
            byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
            line("$" + bytes.length);
            unsent.writeBytes(bytes);
            line("");
        }
        awaited++;
    }

    /** Sends what was added in one go, tells {@code sent} the time, and reads all the replies. */
    public void flush(LongConsumer sent) throws IOException {
        sent.accept(System.nanoTime());
        unsent.writeTo(out);
        unsent.reset();
        for (; awaited > 0; awaited--) {
            reply();
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private void line(String text) {
        unsent.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
        unsent.write('\r');
        unsent.write('\n');
    }

    private @Nullable Object reply() throws IOException {
        String line = readLine();
        String rest = line.substring(1);
        return switch (line.charAt(0)) {
            case '+' -> rest;
            case ':' -> Long.valueOf(rest);
            case '$' -> text(Integer.parseInt(rest));
            case '*' -> list(Integer.parseInt(rest));
            default -> throw new IOException(rest);
        };
    }

    private @Nullable String text(int length) throws IOException {
        if (length < 0) {
            return null;
        }
        byte[] bytes = in.readNBytes(length + 2);
        if (bytes.length < length + 2) {
            throw new EOFException("Redis closed the connection");
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    private List<@Nullable Object> list(int length) throws IOException {
        List<@Nullable Object> items = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            items.add(reply());
        }
        return items;
    }

    private String readLine() throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new EOFException("Redis closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        if (line.isEmpty()) {
            throw new IOException("not a reply of Redis");
        }
        return line.toString();
    }
}
