package dev.sluice.testkit;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A private Redis server: a real process on a free loopback port, with a folder of its own.
 *
 * <pre>{@code
 * try (RedisServer redis = RedisServer.start()) {
 *     redis.call("SET", "greeting", "hello");
 *     connectTo(redis.uri());
 * }
 * }</pre>
 *
 * <p>Nothing is persisted unless asked for ({@link Builder#appendOnly()}); {@link #close()} ends the process and deletes
 * the folder, unless the folder was given. Faults on request: {@link #kill()}, {@link #pause()}, {@link #restart()}.
 *
 * <p>The binary is, in this order: the one given to the builder; the system property {@code sluice.redis.binary}; the
 * environment variable {@code SLUICE_REDIS_BINARY}; {@code redis-server} on the {@code PATH}, from 6.2 on; one inside a jar on the
 * class path ({@code org.signal:embedded-redis} or {@code com.github.codemonstur:embedded-redis}).
 *
 * <p>Linux and macOS. Methods block for a bounded time and may be called from any thread, one at a time.
 */
public final class RedisServer implements AutoCloseable {

    private static final int ATTEMPTS_TO_FIND_A_PORT = 8;
    private static final Duration TIME_TO_STOP = Duration.ofSeconds(10);
    // Below Linux's ephemeral range: there a client that reconnects to a dead server can be given the server's own
    // port, connect to itself, and keep the server from coming back.
    private static final int LOWEST_PORT = 10_240;
    private static final int HIGHEST_PORT = 32_000;
    private static final AtomicInteger NEXT_PORT = new AtomicInteger(firstPort());

    private final Path binary;
    private final RedisVersion version;
    private final List<String> directives;
    private final @Nullable String password;
    private final Duration timeToStart;
    private final Path home;
    private final Path dataDir;
    private int port;
    private RedisProcess process;

    private RedisServer(Builder builder) {
        this.binary = builder.binary == null ? RedisBinary.find() : builder.binary.toAbsolutePath();
        this.version = RedisVersion.of(binary);
        this.directives = List.copyOf(builder.directives);
        this.password = builder.password;
        this.timeToStart = builder.timeToStart;
        this.home = createHome();
        this.dataDir = builder.dataDir == null ? home : builder.dataDir.toAbsolutePath();
        try {
            checkData();
            this.process = builder.port == 0 ? startOnAFreePort() : startOn(builder.port);
        } catch (RuntimeException e) {
            deleteRecursively(home);
            throw e;
        }
    }

    /** Starts a server with nothing but the defaults; returns when it accepts connections. */
    public static RedisServer start() {
        return builder().start();
    }

    /** Describes a server that {@link Builder#start()} starts. */
    public static Builder builder() {
        return new Builder();
    }

    /** The port it listens on, on 127.0.0.1; the same for its whole life. */
    public int port() {
        return port;
    }

    /** Its address for a client, {@code redis://127.0.0.1:port}, with the password if it has one. */
    public String uri() {
        String credentials = password == null ? "" : ":" + percentEncoded(password) + "@";
        return "redis://" + credentials + "127.0.0.1:" + port;
    }

    /** Its version, for example 7.0.15. */
    public RedisVersion version() {
        return version;
    }

    /** The executable it runs. */
    public Path binary() {
        return binary;
    }

    /** Whether that executable came out of a jar on the class path, because no other was there. */
    public boolean isBundled() {
        return RedisBinary.isUnpacked(binary);
    }

    /** The folder its files go to. */
    public Path dataDir() {
        return dataDir;
    }

    /** Its process id; a new one after {@link #restart()}. */
    public long pid() {
        return process.pid();
    }

    /** Whether its process lives; true also while it is paused. */
    public boolean isRunning() {
        return process.isAlive();
    }

    /** The last lines it wrote to its log, at most 1,000, oldest first; a restart begins anew. */
    public List<String> log() {
        return process.log();
    }

    /**
     * Sends one command over a connection of its own and returns the reply: text as {@code String}, numbers as {@code Long},
     * arrays as {@code List}, nothing as {@code null}.
     *
     * @throws RedisServerException if Redis answers with an error (whose text is the message), or not within 5 seconds
     */
    public @Nullable Object call(String... words) {
        try (RedisWire wire = wire()) {
            return wire.call(words);
        }
    }

    /** Opens a plain connection, logged in, for many commands from one thread. */
    public RedisWire wire() {
        return RedisWire.connect(port, password);
    }

    /** Ends it as an operator would (SIGTERM): clients are cut off, files are flushed. No effect if it does not run. */
    public void stop() {
        process.resume();
        process.terminate();
        if (!process.hasEndedWithin(TIME_TO_STOP)) {
            kill();
        }
    }

    /** Ends it at once (SIGKILL): nothing is flushed, no client is told. No effect if it does not run. */
    public void kill() {
        process.kill();
        if (!process.hasEndedWithin(TIME_TO_STOP)) {
            throw new RedisServerException("redis-server, process " + process.pid() + ", survived SIGKILL");
        }
    }

    /** Stops it if it runs, and starts it again on the same port with the same folder. */
    public void restart() {
        stop();
        process = startOn(port);
    }

    /** Freezes it (SIGSTOP): connections stay open and nothing answers, as behind a network that swallows packets. */
    public void pause() {
        process.pause();
    }

    /** Thaws it after {@link #pause()}. */
    public void resume() {
        process.resume();
    }

    /** Kills it and deletes its folder, unless the folder was given. A second call does nothing; nor does an interrupt. */
    @Override
    public void close() {
        boolean interrupted = Thread.interrupted(); // of a test whose time was over
        try {
            kill();
        } finally {
            deleteRecursively(home);
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public String toString() {
        return "Redis " + version + " on port " + port + (isRunning() ? "" : " (ended)");
    }

    private RedisProcess startOnAFreePort() {
        for (int attempt = 1; ; attempt++) {
            try {
                return startOn(freePort());
            } catch (PortTaken e) {
                if (attempt == ATTEMPTS_TO_FIND_A_PORT) {
                    throw e;
                }
            }
        }
    }

    private RedisProcess startOn(int chosenPort) {
        port = chosenPort;
        return RedisProcess.start(binary, writeConfig(), home, timeToStart);
    }

    /** One before 7.0 looks for its append-only file elsewhere, and would begin empty without a word. */
    private void checkData() {
        if (!version.isAtLeast(7, 0)
                && directives.contains("appendonly yes")
                && Files.isDirectory(dataDir.resolve("appendonlydir"))) {
            throw new RedisServerException(
                    "the append-only files in " + dataDir + " were written by Redis 7.0 or later, and " + binary
                            + " is " + version + ", which does not read them");
        }
    }

    private Path writeConfig() {
        List<String> lines = new ArrayList<>();
        lines.add("bind 127.0.0.1");
        lines.add("port " + port);
        lines.add("dir " + quoted(dataDir.toString()));
        if (directives.stream().noneMatch(line -> line.startsWith("save "))) {
            lines.add("save \"\"");
        }
        lines.add("repl-diskless-sync-delay 0"); // 7.0 would let a replica wait 5 s for further ones
        if (version.isAtLeast(7, 0)) {
            lines.add("enable-debug-command local");
        }
        if (password != null) {
            lines.add("requirepass " + quoted(password));
        }
        lines.addAll(directives);
        try {
            return Files.write(home.resolve("redis.conf"), lines);
        } catch (IOException e) {
            throw new RedisServerException("cannot write the server's configuration into " + home, e);
        }
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    private static Path createHome() {
        try {
            return Files.createTempDirectory("sluice-redis-").toAbsolutePath();
        } catch (IOException e) {
            throw new RedisServerException("cannot create a folder for the server", e);
        }
    }

    private static int freePort() {
        return IntStream.generate(RedisServer::nextPort)
                .limit(HIGHEST_PORT - LOWEST_PORT)
                .filter(RedisServer::isFree)
                .findFirst()
                .orElseThrow(
                        () -> new RedisServerException("no free port between " + LOWEST_PORT + " and " + HIGHEST_PORT));
    }

    private static int nextPort() {
        return LOWEST_PORT + Math.floorMod(NEXT_PORT.getAndIncrement(), HIGHEST_PORT - LOWEST_PORT);
    }

    private static boolean isFree(int candidate) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(false); // one that somebody holds without listening is not free either
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), candidate));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }

    // Far apart even in JVMs of neighbouring ids (the golden section of the range), so that builds beside each other
    // seldom
    // try the same port: one of a server that is away for a moment looks free.
    private static int firstPort() {
        return (int) (ProcessHandle.current().pid() * 13_441 % (HIGHEST_PORT - LOWEST_PORT));
    }

    private static String percentEncoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    private static void deleteRecursively(Path folder) {
        if (Files.notExists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new RedisServerException("cannot delete " + folder, e);
        }
    }

    /** What the server is to be like. Every setting has a default. */
    public static final class Builder {

        private static final List<String> OURS =
                List.of("port", "dir", "logfile", "daemonize", "loglevel", "syslog-enabled");

        private @Nullable Path binary;
        private int port;
        private @Nullable Path dataDir;
        private @Nullable String password;
        private Duration timeToStart = Duration.ofSeconds(15);
        private final List<String> directives = new ArrayList<>();

        private Builder() {}

        /** The executable to run. Default: looked for as the class comment says. */
        public Builder binary(Path path) {
            if (!Files.isExecutable(path)) {
                throw new RedisServerException("no executable Redis server at " + path.toAbsolutePath());
            }
            binary = path;
            return this;
        }

        /** The port to listen on. Default: any free one; 0 means the same. */
        public Builder port(int number) {
            if (number < 0 || number > 65_535) {
                throw new IllegalArgumentException("port must be between 0 and 65535, was " + number);
            }
            port = number;
            return this;
        }

        /** An existing folder for its files; it outlives the server. Default: a new one that {@code close()} deletes. */
        public Builder dataDir(Path folder) {
            if (!Files.isDirectory(folder)) {
                throw new IllegalArgumentException("the data folder must exist: " + folder.toAbsolutePath());
            }
            dataDir = folder;
            return this;
        }

        /** The password clients must give. Default: none. */
        public Builder password(String secret) {
            password = secret;
            return this;
        }

        /** Keeps every write in an append-only file, flushed before each reply, so that even {@code kill()} loses nothing. */
        public Builder appendOnly() {
            return with("appendonly", "yes").with("appendfsync", "always");
        }

        /** One line of {@code redis.conf}, for example {@code with("maxmemory", "10mb")}; a later line wins. */
        public Builder with(String directive, String value) {
            if (OURS.contains(directive.toLowerCase(Locale.ROOT))) {
                throw new IllegalArgumentException(
                        "the directive '" + directive + "' is not free to choose here: use the builder, or leave it");
            }
            directives.add(directive + " " + (value.isEmpty() ? "\"\"" : value));
            return this;
        }

        /** How long it may take to load its files and accept connections. Default: 15 seconds. */
        public Builder timeToStart(Duration limit) {
            if (limit.isNegative() || limit.isZero()) {
                throw new IllegalArgumentException("the time to start must be positive, was " + limit);
            }
            timeToStart = limit;
            return this;
        }

        /**
         * Starts it; returns when it accepts connections.
         *
         * @throws RedisServerException if there is no binary, or it ends or stays silent; the message holds its last words
         */
        public RedisServer start() {
            return new RedisServer(this);
        }
    }

    /** Somebody else took the port between our look and the server's bind. */
    static final class PortTaken extends RedisServerException {

        private static final long serialVersionUID = 1L;

        PortTaken(String message) {
            super(message);
        }
    }
}
