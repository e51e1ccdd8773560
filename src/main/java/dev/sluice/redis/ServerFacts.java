package dev.sluice.redis;

import dev.sluice.task.Durability;
import dev.sluice.task.StoreRefusedException;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import reactor.core.publisher.Mono;

/**
 * What a Redis server says about itself, read with INFO alone, so that it works where CONFIG is forbidden.
 *
 * @param version such as {@code 7.0.15}, {@code unknown} if the server does not say
 * @param cluster whether it is a node of a Redis Cluster
 * @param evictionPolicy its {@code maxmemory-policy}, {@code unknown} if the server does not say
 * @param appendOnly whether it keeps an append-only file
 * @param product such as {@code redis} or {@code valkey}
 * @param role {@code master} or {@code slave}, {@code unknown} if the server does not say
 * @param replicas how many replicas are connected to it
 */
public record ServerFacts(
        String version,
        boolean cluster,
        String evictionPolicy,
        boolean appendOnly,
        String product,
        String role,
        int replicas) {
    private static final String UNKNOWN = "unknown";

    static Mono<ServerFacts> read(RedisLink link, Duration deadline) {
        return link.command(CommandType.INFO, args -> {}, deadline)
                .map(reply -> reply.text(0))
                .onErrorResume(ServerFacts::isForbidden, forbidden -> Mono.just("")) // on managed servers
                .map(ServerFacts::parse);
    }

    /** One setting by CONFIG GET; {@code unknown} where that is forbidden, or says nothing. */
    static Mono<String> setting(RedisLink link, String name, Duration deadline) {
        return link.command(CommandType.CONFIG, args -> args.add("GET").add(name), deadline)
                .map(reply -> reply.size() == 2 ? reply.text(1) : UNKNOWN)
                .onErrorReturn(StoreRefusedException.class, UNKNOWN); // managed servers do not even know the command
    }

    private static boolean isForbidden(Throwable failure) {
        return failure instanceof StoreRefusedException refused
                && refused.reason().equals("permission");
    }

    static ServerFacts parse(String info) {
        Map<String, String> fields = new HashMap<>();
        info.lines().filter(line -> line.indexOf(':') > 0).forEach(line -> {
            int colon = line.indexOf(':');
            fields.put(line.substring(0, colon), line.substring(colon + 1).strip());
        });
        return new ServerFacts(
                fields.getOrDefault("redis_version", UNKNOWN),
                "cluster".equals(fields.get("redis_mode")) || "1".equals(fields.get("cluster_enabled")),
                fields.getOrDefault("maxmemory_policy", UNKNOWN),
                "1".equals(fields.get("aof_enabled")),
                fields.getOrDefault("server_name", "redis"),
                fields.getOrDefault("role", UNKNOWN),
                fields.getOrDefault("connected_slaves", "0").matches("[0-9]{1,6}")
                        ? Integer.parseInt(fields.getOrDefault("connected_slaves", "0"))
                        : 0);
    }

    /** Fails with one sentence if Sluice cannot run on this server. */
    public ServerFacts check() {
        if (cluster) {
            throw new StoreRefusedException(
                    "cluster",
                    "This Redis is a node of a Redis Cluster, which Sluice does not support yet: use a single server or Sentinel.",
                    null);
        }
        if (isBelow(6, 2)) {
            throw new StoreRefusedException(
                    "version",
                    "This Redis is version " + version + ", and Sluice needs 6.2 or later: upgrade the server.",
                    null);
        }
        return this;
    }

    /** Fails with one sentence if this server is known to be unable to make tasks that durable. */
    ServerFacts check(Durability durability) {
        if (durability.isFsync() && isBelow(7, 2)) {
            throw new StoreRefusedException(
                    "version",
                    "Durability fsync needs WAITAOF, which Redis has since 7.2, and this one is version " + version
                            + ": upgrade the server, or ask for replicated(n) or memory.",
                    null);
        }
        if (durability.isFsync() && !appendOnly && !version.equals(UNKNOWN)) {
            throw new StoreRefusedException(
                    "append-only",
                    "Durability fsync needs an append-only file, and this Redis keeps none: set 'appendonly yes'.",
                    null);
        }
        return this;
    }

    /** True if the server may delete keys of a queue when its memory is full; false if it never does or does not say. */
    public boolean mayEvict() {
        return !evictionPolicy.equals("noeviction") && !evictionPolicy.equals(UNKNOWN);
    }

    /** True if the server does not say what it does when its memory is full. */
    public boolean isSilentOnEviction() {
        return evictionPolicy.equals(UNKNOWN);
    }

    private boolean isBelow(int major, int minor) {
        String[] parts = version.split("\\.", -1);
        try {
            int has = Integer.parseInt(parts[0]);
            return has < major || (has == major && parts.length > 1 && Integer.parseInt(parts[1]) < minor);
        } catch (NumberFormatException unknown) {
            return false;
        }
    }
}
