package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.testkit.RedisServer;
import java.time.Duration;
import java.util.List;

/**
 * A replica that takes the place of its master in good order: nothing that was answered for is missing then. It follows from
 * when that was empty, so that its own append-only file tells all that was ever written.
 */
final class Standby implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final RedisServer replica;
    private boolean isMaster;

    /** Starts one that writes an append-only file of commands alone, and returns when it follows {@code master}, which is empty. */
    Standby(RedisServer master, RedisServer.Builder appending) {
        assertThat(master.call("DBSIZE")).isEqualTo(0L);
        replica = appending.with("aof-use-rdb-preamble", "no").start();
        replica.call("REPLICAOF", "127.0.0.1", String.valueOf(master.port()));
        eventually(
                PATIENCE,
                () -> assertThat((String) replica.call("INFO"))
                        .contains(
                                "master_link_status:up",
                                "aof_enabled:1",
                                "aof_rewrite_in_progress:0",
                                "aof_rewrite_scheduled:0"));
    }

    /** Has {@code master} hand over; returns who is master then, and the caller's from then on. */
    RedisServer takeOver(RedisServer master) {
        master.call("FAILOVER", "TO", "127.0.0.1", String.valueOf(replica.port()));
        eventually(
                PATIENCE,
                () -> assertThat((List<?>) replica.call("ROLE")).first().isEqualTo("master"));
        isMaster = true;
        return replica;
    }

    @Override
    public void close() {
        if (!isMaster) {
            replica.close();
        }
    }
}
