package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.Durability;
import dev.sluice.task.StoreRefusedException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServerFactsTest {
    @ParameterizedTest
    @ValueSource(strings = {"6.2.0", "6.2.11", "6.3", "7.0.15", "7", "8.2.1", "10.0.0", "255.255.255", "unstable"})
    void aRecentServerIsAccepted(String version) {
        ServerFacts facts = ServerFacts.parse("# Server\r\nredis_version:" + version + "\r\nredis_mode:standalone\r\n");

        assertThat(facts.check().version()).isEqualTo(version);
    }

    @ParameterizedTest
    @ValueSource(strings = {"2.8.24", "5.0.14", "6.0.16", "6.1.240"})
    void anOldServerIsRefusedInOneSentence(String version) {
        ServerFacts facts = ServerFacts.parse("redis_version:" + version + "\r\n");

        assertThatThrownBy(facts::check)
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo("version"))
                .hasMessage(
                        "This Redis is version " + version + ", and Sluice needs 6.2 or later: upgrade the server.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis_mode:cluster", "cluster_enabled:1"})
    void aNodeOfAClusterIsRefusedInOneSentence(String line) {
        ServerFacts facts = ServerFacts.parse("redis_version:7.0.15\r\n# Cluster\r\n" + line + "\r\n");

        assertThatThrownBy(facts::check)
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo("cluster"))
                .hasMessageContaining("does not support yet");
    }

    @Test
    void aServerThatTellsLittleIsUnknownAndNotRefused() {
        ServerFacts facts = ServerFacts.parse("# Server\r\nnonsense\r\n:\r\n").check();

        assertThat(facts.version()).isEqualTo("unknown");
        assertThat(facts.evictionPolicy()).isEqualTo("unknown");
        assertThat(facts.mayEvict()).isFalse();
        assertThat(facts.appendOnly()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"6.2.11", "7.0.15", "7.1.240"})
    void aServerWithoutTheCommandCannotPromiseDiskAndSaysSo(String version) {
        ServerFacts facts = ServerFacts.parse("redis_version:" + version + "\r\naof_enabled:1\r\n");

        assertThatThrownBy(() -> facts.check(Durability.fsync()))
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo("version"))
                .hasMessageContaining("since 7.2, and this one is version " + version);
        assertThat(facts.check(Durability.replicated(1))).isSameAs(facts);
    }

    @Test
    void aServerWithoutALogCannotPromiseDiskEither() {
        assertThatThrownBy(() -> ServerFacts.parse("redis_version:7.2.4\r\naof_enabled:0\r\n")
                        .check(Durability.fsync()))
                .isInstanceOfSatisfying(
                        StoreRefusedException.class,
                        refusal -> assertThat(refusal.reason()).isEqualTo("append-only"));
        ServerFacts fit = ServerFacts.parse("redis_version:7.2.4\r\naof_enabled:1\r\n");
        assertThat(fit.check(Durability.fsync())).isSameAs(fit);
        ServerFacts silent = ServerFacts.parse("");
        assertThat(silent.check(Durability.fsync())).isSameAs(silent); // then the command itself is asked
    }

    @Test
    void anEvictingServerIsNoticed() {
        assertThat(ServerFacts.parse("maxmemory_policy:allkeys-lru\r\n").mayEvict())
                .isTrue();
        assertThat(ServerFacts.parse("maxmemory_policy:noeviction\r\naof_enabled:1\r\n"))
                .satisfies(facts -> assertThat(facts.mayEvict()).isFalse())
                .satisfies(facts -> assertThat(facts.appendOnly()).isTrue());
    }
}
