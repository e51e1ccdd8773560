package dev.sluice.testkit;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Finds a {@code redis-server} to run, in the order that {@link RedisServer} documents. */
final class RedisBinary {

    private static final String PROPERTY = "sluice.redis.binary";
    private static final String VARIABLE = "SLUICE_REDIS_BINARY";
    // As the known jars name them, newest server first; the first name is that of our own runnable jar.
    private static final List<String> RESOURCES = List.of(
            "META-INF/sluice/redis-server-%s",
            "redis-server-7.0.15-%s", "redis-server-6.2.6-v5-%s", "redis-server-6.2.7-%s");

    private static @Nullable Path extracted;

    private RedisBinary() {}

    static Path find() {
        String named = System.getProperty(PROPERTY, System.getenv(VARIABLE));
        if (named != null && !named.isBlank()) {
            return executable(Path.of(named));
        }
        Path onPath = onPath();
        return onPath != null ? onPath : fromClassPath();
    }

    /** Whether this JVM has made that file, to be gone with it. */
    static synchronized boolean isUnpacked(Path binary) {
        return binary.equals(extracted);
    }

    private static Path executable(Path path) {
        if (!isProgram(path)) {
            throw new RedisServerException("no executable Redis server at " + path.toAbsolutePath() + ", named by "
                    + PROPERTY + " or " + VARIABLE);
        }
        return path.toAbsolutePath();
    }

    private static @Nullable Path onPath() {
        String path = System.getenv("PATH");
        for (String folder : path == null ? new String[0] : path.split(File.pathSeparator, -1)) {
            Path candidate = in(folder);
            if (candidate != null && isProgram(candidate) && isRecent(candidate)) {
                return candidate.toAbsolutePath();
            }
        }
        return null;
    }

    // A locale may lack the characters of a folder.
    private static @Nullable Path in(String folder) {
        try {
            return Path.of(folder, "redis-server");
        } catch (InvalidPathException unreadable) {
            return null;
        }
    }

    private static boolean isProgram(Path path) {
        return Files.isRegularFile(path) && Files.isExecutable(path);
    }

    // Long-lived distributions still bring 6.0, which Sluice refuses; one that was not named is then no choice at all.
    private static boolean isRecent(Path binary) {
        try {
            return RedisVersion.of(binary).isAtLeast(6, 2);
        } catch (RedisServerException notTold) {
            return false;
        }
    }

    private static synchronized Path fromClassPath() {
        Path known = extracted;
        if (known != null && Files.isExecutable(known)) {
            return known;
        }
        for (String resource : RESOURCES) {
            try (InputStream bytes = open(String.format(Locale.ROOT, resource, platform()))) {
                if (bytes != null) {
                    extracted = extract(bytes);
                    return extracted;
                }
            } catch (IOException e) {
                throw new RedisServerException("cannot unpack the Redis server from the class path", e);
            }
        }
        throw new RedisServerException(
                "no Redis server found: set " + PROPERTY + " or " + VARIABLE
                        + " to a redis-server binary, put one from 6.2 on on the PATH, or add org.signal:embedded-redis to the class path");
    }

    private static @Nullable InputStream open(String resource) {
        return RedisBinary.class.getClassLoader().getResourceAsStream(resource);
    }

    private static Path extract(InputStream bytes) throws IOException {
        Path file = Files.createTempFile("sluice-redis-server-", "");
        file.toFile().deleteOnExit();
        Files.copy(bytes, file, StandardCopyOption.REPLACE_EXISTING);
        if (!file.toFile().setExecutable(true)) {
            throw new IOException("cannot make " + file + " executable");
        }
        return file;
    }

    private static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("mac") ? "darwin" : "linux";
        String arch = System.getProperty("os.arch");
        return system + "-" + (arch.equals("aarch64") || arch.equals("arm64") ? "arm64" : "amd64");
    }
}
