package dev.sluice.testkit;

import java.nio.file.Path;

/**
 * The Redis servers that the build has unpacked, 6.2 and 7.0.
 *
 * <p>Another server takes the place of one if a system property names it: {@code -Dsluice.redis.7.0=/usr/bin/redis-server}.
 */
public final class UnpackedRedis {

    private UnpackedRedis() {}

    public static Path binary(String version) {
        String other = System.getProperty("sluice.redis." + version);
        return other != null
                ? Path.of(other)
                : Path.of(System.getProperty("basedir", "."), "target", "redis", version, "redis-server");
    }

    public static RedisServer.Builder builder(String version) {
        return RedisServer.builder().binary(binary(version));
    }
}
