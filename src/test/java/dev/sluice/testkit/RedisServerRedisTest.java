package dev.sluice.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@OnEveryRedis
class RedisServerRedisTest {

    private final RedisServer shared;

    RedisServerRedisTest(RedisServer shared) {
        this.shared = shared;
    }

    @Test
    void theSharedServerIsEmptyBeforeEachTest() {
        assertThat(shared.call("DBSIZE")).isEqualTo(0L);
        shared.call("SET", "left", "over");
    }

    @Test
    void theSharedServerIsEmptyBeforeAnyOtherTestToo() {
        assertThat(shared.call("DBSIZE")).isEqualTo(0L);
        shared.call("SET", "left", "over");
    }

    @Test
    void anyScriptTravelsUnchangedUnderAnyLocale() {
        shared.call("SET", "Schlüssel", "日本語 🚰");

        assertThat(shared.call("GET", "Schlüssel")).isEqualTo("日本語 🚰");
    }

    @Test
    void aRefusedCommandThrowsWhatRedisSaid() {
        assertThatThrownBy(() -> shared.call("NO-SUCH-COMMAND"))
                .isInstanceOf(RedisServerException.class)
                .hasMessageContaining("unknown command");
    }

    @Test
    void aPlainServerPersistsNothingAndForgetsAllWhenRestarted(@Private RedisServer redis) {
        redis.call("SET", "key", "value");
        int port = redis.port();

        redis.restart();

        assertThat(redis.port()).isEqualTo(port);
        assertThat(redis.call("GET", "key")).isNull();
    }

    @Test
    void anAppendOnlyServerKeepsWhatItAnsweredThroughAKill(RedisServer.Builder builder) {
        try (RedisServer redis = builder.appendOnly().start()) {
            redis.call("SET", "key", "value");

            redis.kill();
            redis.restart();

            assertThat(redis.call("GET", "key")).isEqualTo("value");
        }
    }

    @Test
    void aPausedServerLivesButDoesNotAnswer(@Private RedisServer redis) throws Exception {
        redis.call("SET", "key", "value");
        try (RedisWire wire = redis.wire()) {
            redis.pause();
            wire.send("GET", "key");
            assertThat(redis.isRunning()).isTrue();

            redis.resume();

            assertThat(wire.reply()).isEqualTo("value");
        }
    }

    @Test
    void aPasswordIsAskedForAndPartOfTheUri(RedisServer.Builder builder) {
        try (RedisServer redis = builder.password("p@ss \"word\"").start()) {
            assertThat(redis.uri()).isEqualTo("redis://:p%40ss%20%22word%22@127.0.0.1:" + redis.port());
            assertThat(redis.call("PING")).isEqualTo("PONG");
        }
    }

    @Test
    void aDirectiveReachesTheServer(RedisServer.Builder builder) {
        try (RedisServer redis = builder.with("maxmemory", "10mb").start()) {
            assertThat(redis.call("CONFIG", "GET", "maxmemory").toString()).contains("10485760");
        }
    }

    @Test
    void aServerThatCannotStartSaysWhyInItsOwnWords(RedisServer.Builder builder) {
        assertThatThrownBy(() -> builder.with("no-such-directive", "1").start())
                .isInstanceOf(RedisServerException.class)
                .hasMessageContaining("no-such-directive");
    }

    @Test
    void aBinaryThatIsNoServerIsToldInOneLine(RedisServer.Builder builder, @TempDir Path folder) throws Exception {
        Path other =
                Files.writeString(folder.resolve("redis-server"), "#!/bin/sh\necho true 9.1; echo Free software\n");
        assertThat(other.toFile().setExecutable(true)).isTrue();

        assertThatThrownBy(() -> builder.binary(other).start())
                .isInstanceOf(RedisServerException.class)
                .hasMessageEndingWith("--version does not tell a version but: true 9.1");
    }

    @Test
    @Timeout(30)
    void aBinaryThatDoesNotAnswerIsEndedWithAllThatItStarted(RedisServer.Builder builder, @TempDir Path folder)
            throws Exception {
        Path pid = folder.resolve("pid");
        Path silent = Files.writeString(
                folder.resolve("redis-server"), "#!/bin/sh\nsleep 60 & echo $! > '" + pid + "'\nwait\n");
        assertThat(silent.toFile().setExecutable(true)).isTrue();

        assertThatThrownBy(() -> builder.binary(silent).start())
                .isInstanceOf(RedisServerException.class)
                .hasMessageEndingWith("redis-server --version did not end within 5 s and was killed");

        ProcessHandle.of(Long.parseLong(Files.readString(pid).strip()))
                .ifPresent(left -> assertThat(left.onExit()).succeedsWithin(Duration.ofSeconds(10)));
    }

    @Test
    void aPortInUseIsToldAsSuch(RedisServer.Builder builder) {
        assertThatThrownBy(() -> builder.port(shared.port()).start())
                .isInstanceOf(RedisServerException.class)
                .hasMessageContaining("Could not create server TCP listening socket");
    }

    @Test
    void closingEndsTheProcessAndLeavesNoFolder(RedisServer.Builder builder) {
        RedisServer redis = builder.start();
        Path folder = redis.dataDir();
        assertThat(folder).exists();

        redis.close();
        redis.close();

        assertThat(redis.isRunning()).isFalse();
        assertThat(folder).doesNotExist();
    }

    @Test
    void aGivenDataFolderOutlivesTheServer(RedisServer.Builder builder, @TempDir Path folder) {
        try (RedisServer redis = builder.dataDir(folder).with("save", "900 1").start()) {
            redis.call("SET", "key", "value");
            redis.stop();
        }

        assertThat(folder.resolve("dump.rdb")).exists();
    }

    @Test
    void theServerDiesWithTheJvmThatStartedItEvenByKill9(@TempDir Path folder) throws Exception {
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "-Djava.io.tmpdir=" + folder,
                        "-Dsluice.redis.binary=" + shared.binary(),
                        Starter.class.getName())
                .redirectErrorStream(true)
                .start();
        ProcessHandle server =
                ProcessHandle.of(Long.parseLong(jvm.inputReader().readLine())).orElseThrow();
        assertThat(server.isAlive()).isTrue();

        jvm.destroyForcibly();

        assertThat(server.onExit().get(10, TimeUnit.SECONDS).isAlive()).isFalse();
    }

    /** Starts a server, tells its pid, and stays. */
    @Test
    void oneThatIsJustEndingIsRestarted(@Private RedisServer own) {
        for (int i = 0; i < 20; i++) {
            assertThatThrownBy(() -> own.call("SHUTDOWN", "NOSAVE")).isInstanceOf(RedisServerException.class);

            own.restart();

            assertThat(own.call("PING")).isEqualTo("PONG");
        }
    }

    @Test
    void itsFolderIsDeletedThoughTheThreadIsInterrupted() {
        RedisServer own = UnpackedRedis.builder("7.0").start();

        Thread.currentThread().interrupt();
        own.close();

        assertThat(Thread.interrupted()).isTrue();
        assertThat(own.dataDir()).doesNotExist();
    }

    /** It would not look there, and begin empty. */
    @Test
    void anOlderServerIsRefusedTheAppendOnlyFilesOfANewerOne(@TempDir Path folder) {
        try (RedisServer newer =
                UnpackedRedis.builder("7.0").dataDir(folder).appendOnly().start()) {
            newer.call("SET", "kept", "yes");
        }
        RedisServer.Builder older = UnpackedRedis.builder("6.2").dataDir(folder).appendOnly();

        assertThatThrownBy(older::start)
                .isInstanceOf(RedisServerException.class)
                .hasMessageContaining("were written by Redis 7.0 or later")
                .hasMessageContaining("is 6.2.");
        assertThat(folder.resolve("appendonly.aof")).doesNotExist();
        try (RedisServer newer =
                UnpackedRedis.builder("7.0").dataDir(folder).appendOnly().start()) {
            assertThat(newer.call("GET", "kept")).isEqualTo("yes");
        }
    }

    static final class Starter {

        public static void main(String[] args) throws Exception {
            try (RedisServer redis = RedisServer.start()) {
                System.out.println(redis.pid());
                System.in.read();
            }
        }
    }
}
