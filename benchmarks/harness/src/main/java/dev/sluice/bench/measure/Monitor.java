package dev.sluice.bench.measure;

import io.lettuce.core.RedisCredentials;
import io.lettuce.core.RedisURI;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Redis' {@code MONITOR}: which commands clients send, those of scripts not among them. {@code INFO} counts both as one. */
public final class Monitor implements AutoCloseable {
    private final Socket socket;
    private final BufferedReader lines;

    private Monitor(Socket socket) throws IOException {
        this.socket = socket;
        this.lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.ISO_8859_1));
    }

    /** Connects; {@code uri} must be one of {@code redis://}, without TLS. */
    public static Monitor of(String uri) throws IOException {
        RedisURI server = RedisURI.create(uri);
        if (server.isSsl() || server.getHost() == null) {
            throw new IllegalArgumentException("what clients send is only seen at a redis:// URL");
        }
        Monitor monitor = new Monitor(new Socket(server.getHost(), server.getPort()));
        RedisCredentials login = server.getCredentialsProvider().resolveCredentials().block();
        if (login != null && login.hasPassword()) {
            String user = login.hasUsername() ? login.getUsername() : "default";
            monitor.send("AUTH", user, new String(login.getPassword()));
        }
        monitor.send("MONITOR");
        return monitor;
    }

    /** How many commands clients send from now on for so long; our own looks at {@code INFO} are not counted. */
    public long commandsWithin(Duration time) throws IOException {
        long end = System.nanoTime() + time.toNanos();
        long commands = 0;
        for (long left = time.toMillis(); left > 0; left = (end - System.nanoTime()) / 1_000_000) {
            socket.setSoTimeout((int) left);
            try {
                String line = lines.readLine();
                if (line == null) {
                    throw new IOException("Redis has closed the connection");
                }
                boolean inScript = line.contains(" lua] ");
                boolean isOurs = line.endsWith("] \"INFO\"");
                commands += inScript || isOurs ? 0 : 1;
            } catch (SocketTimeoutException over) {
                return commands;
            }
        }
        return commands;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    private void send(String... words) throws IOException {
        StringBuilder command = new StringBuilder("*" + words.length + "\r\n");
        for (String word : words) {
            command.append('$')
                    .append(word.getBytes(StandardCharsets.UTF_8).length)
                    .append("\r\n")
                    .append(word)
                    .append("\r\n");
        }
        socket.getOutputStream().write(command.toString().getBytes(StandardCharsets.UTF_8));
        String answer = lines.readLine();
        if (answer == null || !answer.startsWith("+")) {
            throw new IOException(words[0] + " was answered with " + answer);
        }
    }
}
