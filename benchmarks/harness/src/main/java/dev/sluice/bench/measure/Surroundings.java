package dev.sluice.bench.measure;

import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/** Where figures were taken: without it they say nothing. */
public final class Surroundings {
    private Surroundings() {}

    public static Map<String, Object> of(RedisUnderLoad redis) throws IOException {
        Properties build = new Properties();
        try (InputStream written = Surroundings.class.getResourceAsStream("build.properties")) {
            if (written != null) {
                build.load(written);
            }
        }
        Map<String, String> info = redis.info();
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        facts.put("sluice", build.getProperty("version", "unknown"));
        facts.put("revision", build.getProperty("revision", "unknown"));
        facts.put("redis", info.getOrDefault("redis_version", "unknown"));
        facts.put("redis-allocator", info.getOrDefault("mem_allocator", "unknown"));
        facts.put("redis-own", redis.isOwn());
        facts.put("redis-append-only", "1".equals(info.get("aof_enabled")));
        facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        facts.put("flags", ManagementFactory.getRuntimeMXBean().getInputArguments());
        facts.put("cpu", cpu());
        facts.put("processors", Runtime.getRuntime().availableProcessors());
        facts.put("load-at-start", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
        facts.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        return facts;
    }

    /** Why figures that are taken here are too low, in a line; empty if nothing is known. */
    public static Optional<String> warning(Map<String, Object> facts) {
        return "libc".equals(facts.get("redis-allocator"))
                ? Optional.of("!! This Redis allocates with libc, and is 3 to 4 times slower than one with jemalloc:"
                        + " install redis-server, or use --redis URL.")
                : Optional.empty();
    }

    private static String cpu() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException notLinux) {
            return System.getProperty("os.arch");
        }
    }
}
