package dev.sluice.app.serve;

import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisServerException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A real Redis server of this process' own, on loopback: port 6379, or the next free one.
 *
 * <p>It does not outlive this JVM, and Ctrl-C does not reach it. Without a data folder it forgets everything when it ends.
 */
final class EmbeddedRedis implements AutoCloseable {
    static final int FIRST_PORT = 6379;

    private static final int PORTS_TRIED = 100;
    private static final Duration SHORTEST_LIMIT = Duration.ofSeconds(15);
    private static final String PORT_TAKEN = "Could not create server TCP listening socket";

    private final RedisServer server;
    private final @Nullable FileChannel lock;
    private volatile CompletableFuture<Void> watch = new CompletableFuture<>();

    private EmbeddedRedis(RedisServer server, @Nullable FileChannel lock) {
        this.server = server;
        this.lock = lock;
    }

    /** How long it may load where a user is given {@code limit} to connect: at least 15 seconds. */
    static Duration timeToLoad(Duration limit) {
        return limit.compareTo(SHORTEST_LIMIT) > 0 ? limit : SHORTEST_LIMIT;
    }

    /**
     * Starts it, with an append-only file in {@code data} if that is given, which it may load for {@code limit}. Blocks; an
     * interrupt ends it.
     */
    static EmbeddedRedis start(@Nullable Path data, Duration limit) {
        if (System.getProperty("os.name", "").startsWith("Windows")) {
            throw Refusal.failed("there is no embedded Redis for Windows: start one elsewhere and pass --redis URL");
        }
        FileChannel lock = data == null ? null : lock(data);
        try {
            return new EmbeddedRedis(startOnFirstFreePort(data, limit), lock);
        } catch (RedisServerException e) {
            String itMayLoad = String.valueOf(e.getMessage()).contains("not ready after")
                    ? "\nIf it still loads its data, give it longer with --connect-timeout."
                    : "";
            throw Refusal.failed(
                    "the embedded Redis does not start: " + e.getMessage() + because(e) + itMayLoad
                            + "\nInstall redis-server, name one in SLUICE_REDIS_BINARY, or use a running one with --redis URL.");
        }
    }

    /** Its own folder, and the bundled server, are among the temporary files. */
    private static String because(RedisServerException e) {
        if (!(e.getCause() instanceof IOException io)) {
            return "";
        }
        return " (" + reason(io) + ")"
                + (io instanceof FileSystemException
                        ? "\nAnother folder for temporary files: java -Djava.io.tmpdir=DIR -jar …"
                        : "");
    }

    int port() {
        return server.port();
    }

    RedisAddress address() {
        return RedisAddress.of(server.uri());
    }

    String version() {
        return server.version().toString();
    }

    /** Whether it is the one that the program brings. */
    boolean isBundled() {
        return server.isBundled();
    }

    /** Calls {@code action} if it ends by itself. */
    void onUnexpectedEnd(Runnable action) {
        watch = ProcessHandle.of(server.pid())
                .map(process -> process.onExit().thenRun(action))
                .orElseGet(() -> CompletableFuture.runAsync(action));
    }

    /** Ends it, after a flush to its data folder. */
    @Override
    public void close() {
        watch.cancel(false);
        if (lock != null) {
            server.stop();
        }
        server.close();
        if (lock != null) {
            try {
                lock.close();
            } catch (IOException e) {
                throw new IllegalStateException("cannot unlock the data folder", e);
            }
        }
    }

    private static RedisServer startOnFirstFreePort(@Nullable Path data, Duration limit) {
        return IntStream.range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
                .filter(EmbeddedRedis::isFree)
                .mapToObj(port -> startOn(port, data, limit))
                .filter(started -> started != null)
                .findFirst()
                .orElseThrow(() -> Refusal.failed("no port from " + FIRST_PORT + " to " + (FIRST_PORT + PORTS_TRIED - 1)
                        + " is free for the embedded Redis: use one that runs already with --redis URL"));
    }

    /** Null if somebody took the port after we looked. */
    private static @Nullable RedisServer startOn(int port, @Nullable Path data, Duration limit) {
        RedisServer.Builder builder = RedisServer.builder().port(port).timeToStart(limit);
        if (data != null) {
            builder.dataDir(data).with("appendonly", "yes").with("appendfsync", "everysec");
        }
        try {
            return builder.start();
        } catch (RedisServerException e) {
            if (String.valueOf(e.getMessage()).contains(PORT_TAKEN)) {
                return null;
            }
            throw e;
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }

    // Two servers that append to one file would ruin it. The kernel drops the lock with the process.
    private static FileChannel lock(Path data) {
        try {
            if (!Files.isDirectory(data)) { // a link to one is, too
                Files.createDirectories(data);
            }
            FileChannel file =
                    FileChannel.open(data.resolve("sluice.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (file.tryLock() == null) {
                file.close();
                throw inUse(data);
            }
            return file;
        } catch (OverlappingFileLockException e) {
            throw inUse(data);
        } catch (IOException e) {
            throw Refusal.mistaken("the data folder " + data.toAbsolutePath() + " cannot be written (" + reason(e)
                    + "): choose another one for --data");
        }
    }

    private static Refusal inUse(Path data) {
        return Refusal.failed("the data folder " + data.toAbsolutePath().normalize() + " is in use by another instance:"
                + " choose another one for --data, or share its Redis with --redis URL");
    }

    // Most exceptions of files have the path as their message.
    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileAlreadyExistsException) {
            return "a file has that name";
        }
        if (e instanceof NoSuchFileException) {
            return "no folder can be made there";
        }
        return e instanceof FileSystemException system && system.getReason() != null
                ? system.getReason()
                : e.getClass().getSimpleName();
    }
}
