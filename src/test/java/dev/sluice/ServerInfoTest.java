package dev.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Of most of these settings no server of the build has more than one value. */
class ServerInfoTest {
    @ParameterizedTest
    @CsvSource(useHeadersInDisplayName = true, delimiter = '|', nullValues = "nothing", textBlock = """
            VERSION | PRODUCT | MEMORY      | LOG   | FSYNC    | ROLE    | REPLICAS | MINIMUM | HINTS
            7.4.6   | redis   | noeviction  | true  | always   | master  | 0        | 0       | nothing
            7.4.6   | redis   | noeviction  | true  | always   | master  | 2        | 1       | nothing
            7.4.6   | redis   | noeviction  | true  | always   | unknown | 0        | unknown | nothing
            7.4.6   | redis   | allkeys-lru | true  | always   | master  | 0        | 0       | eviction
            7.4.6   | redis   | noeviction  | true  | always   | slave   | 0        | 0       | replica
            7.4.6   | redis   | noeviction  | false | everysec | master  | 0        | 0       | no-append-only-file
            7.4.6   | redis   | noeviction  | false | no       | master  | 0        | 0       | no-append-only-file
            7.4.6   | redis   | noeviction  | true  | everysec | master  | 0        | 0       | fsync-every-second
            7.4.6   | redis   | noeviction  | true  | no       | master  | 0        | 0       | fsync-never
            7.4.6   | redis   | noeviction  | true  | always   | master  | 1        | 0       | replicas-unguarded
            7.4.5   | redis   | noeviction  | true  | always   | master  | 0        | 0       | known-bad-version
            unknown | redis   | unknown     | false | unknown  | unknown | 0        | unknown | unknown
            7.4.6   | redis   | unknown     | true  | always   | master  | 0        | 0       | unknown
            7.4.6   | redis   | noeviction  | true  | unknown  | master  | 1        | unknown | unknown
            """)
    void eachSettingThatCanCostTasksIsHintedAtAndNoOther(
            String version,
            String product,
            String memory,
            boolean log,
            String fsync,
            String role,
            int replicas,
            String minimum,
            String hint) {
        ServerInfo server = new ServerInfo(version, product, memory, log, fsync, role, replicas, minimum);

        assertThat(server.hints())
                .extracting(ServerInfo.Hint::code)
                .isEqualTo(hint == null ? List.of() : List.of(hint));
    }

    @ParameterizedTest
    @CsvSource({
        "redis, 6.2.19, true",
        "redis, 6.2.20, false",
        "redis, 7.0.15, true", // no release of this line is safe
        "redis, 7.2.10, true",
        "redis, 7.2.11, false",
        "redis, 8.0.3, true",
        "redis, 8.0.4, false",
        "redis, 8.2.1, true",
        "redis, 8.2.2, false",
        "redis, 8.4.0, false",
        "redis, 7.2.4-rc1, false",
        "redis, unknown, false",
        "valkey, 7.2.4, false" // it counts otherwise
    })
    void onlyTheVersionsThatAreKnownToBeBadAreCalledSo(String product, String version, boolean isBad) {
        ServerInfo server = new ServerInfo(version, product, "noeviction", true, "always", "master", 0, "0");

        assertThat(server.hints())
                .extracting(ServerInfo.Hint::code)
                .isEqualTo(isBad ? List.of("known-bad-version") : List.of());
    }

    @ParameterizedTest
    @CsvSource({
        "allkeys-lru, false, eviction replica no-append-only-file replicas-unguarded known-bad-version",
        "unknown, true, replica fsync-never replicas-unguarded known-bad-version unknown"
    })
    void theMostDangerousIsSaidFirst(String memory, boolean log, String hints) {
        ServerInfo server = new ServerInfo("7.0.15", "redis", memory, log, "no", "slave", 1, "0");

        assertThat(server.hints()).extracting(ServerInfo.Hint::code).isEqualTo(List.of(hints.split(" ")));
    }
}
