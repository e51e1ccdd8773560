package dev.sluice.faults;

import dev.sluice.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;

/** One Redis Sentinel, a process of its own, that watches one master and decides alone. */
final class Sentinel implements AutoCloseable {
    static final int DOWN_AFTER_MS = 500;

    private final int port;
    private final Process process;
    private final Collection<String> log = new ConcurrentLinkedQueue<>();

    /** Watches {@code master} under the name {@code tasks}; its files go to {@code folder}. */
    Sentinel(RedisServer master, Path folder) throws IOException {
        this.port = freePort();
        Path configuration = Files.write(
                folder.resolve("sentinel.conf"),
                List.of(
                        "bind 127.0.0.1",
                        "port " + port,
                        "dir " + folder,
                        "sentinel monitor tasks 127.0.0.1 " + master.port() + " 1",
                        "sentinel down-after-milliseconds tasks " + DOWN_AFTER_MS,
                        "sentinel failover-timeout tasks 5000"));
        this.process = new ProcessBuilder(master.binary().toString(), configuration.toString(), "--sentinel")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        Thread reader = new Thread(this::readLog, "sentinel-log");
        reader.setDaemon(true);
        reader.start();
    }

    String uri() {
        return "redis-sentinel://127.0.0.1:" + port + "#tasks";
    }

    /** Puts the replica in the place of a master that is well, and goes on as one. */
    void failOver() throws IOException {
        String answer = call("SENTINEL FAILOVER tasks");
        if (!answer.startsWith("+OK")) {
            throw new AssertionError("the sentinel refused a failover: " + answer);
        }
    }

    /** Whether somebody listens to what it tells. */
    boolean isHeard() throws IOException {
        return call("CLIENT LIST").contains(" sub=1 ");
    }

    private String call(String command) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(5000);
            socket.getOutputStream().write((command + "\r\n").getBytes(StandardCharsets.US_ASCII));
            socket.shutdownOutput();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    /** Whether it told of that event, such as {@code +slave} or {@code +switch-master}. */
    boolean saw(String event) {
        return log.stream().anyMatch(line -> line.contains(event + " "));
    }

    @Override
    public String toString() {
        return String.join("\n", log);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void readLog() {
        try (BufferedReader lines = process.inputReader()) {
            lines.lines().forEach(log::add);
        } catch (IOException | UncheckedIOException ended) {
            log.add("the log ended: " + ended);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
