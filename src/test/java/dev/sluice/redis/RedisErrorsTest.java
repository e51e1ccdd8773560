package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.RedisBusyException;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.netty.handler.codec.EncoderException;
import java.net.ConnectException;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedisErrorsTest {

    static Stream<Throwable> answersOfRedis() {
        return Stream.of(
                new RedisCommandExecutionException("WRONGTYPE Operation against a key"),
                new RedisCommandExecutionException("OOM command not allowed"),
                new RedisNoScriptException("NOSCRIPT No matching script"),
                new RedisBusyException("BUSY Redis is busy running a script"),
                new RedisException("Request queue size exceeded: 16384. Commands are not accepted."),
                new RedisException("Internal stack size exceeded: 16384. Commands are not accepted until the stack size"
                        + " drops."));
    }

    static Stream<Throwable> doubts() {
        return Stream.of(
                new TimeoutException(),
                new RedisCommandTimeoutException(),
                new ClosedChannelException(),
                new RedisException("Connection closed"),
                new RedisException("Currently not connected. Commands are rejected."),
                new EncoderException("cannot encode"),
                new IllegalStateException("inside the client"),
                new StackOverflowError(),
                new RedisCommandExecutionException("READONLY You can't write against a read only replica."),
                new RedisCommandExecutionException("UNBLOCKED the stream key no longer exists"),
                new RedisCommandExecutionException("ERR WAIT cannot be used with replica instances. Please also note"),
                new RedisCommandExecutionException("ERR WAITAOF cannot be used with replica instances. Please also"),
                new RedisCommandExecutionException("MASTERDOWN Link with MASTER is down"));
    }

    @Test
    void aRefusedConnectionIsToldInWordsForAPerson() {
        Throwable refused = new ConnectException(
                "finishConnect(..) failed with error(-111): Connection refused: localhost/127.0.0.1:6379");

        assertThat(RedisErrors.classify(new RedisConnectionException("Unable to connect", refused)))
                .hasMessage("Redis is not available: Connection refused: localhost/127.0.0.1:6379");
    }

    /** In 7.0 and in 6.2, of a command that was renamed: nothing but the server's settings help. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ERR Unknown Redis command called from script script: 4f, on @user_script:12.",
                "ERR Error running script (call to f_4f): @user_script:12: Unknown Redis command called from Lua script",
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
            })
    void whatOnlyTheServersSettingsCanChangeIsFinal(String told) {
        assertThat(RedisErrors.classify(new RedisCommandExecutionException(told)))
                .isInstanceOf(StoreRefusedException.class);
    }

    @Test
    void aReplicaThatWasAMasterAMomentAgoIsNot() {
        assertThat(RedisErrors.classify(new RedisCommandExecutionException(
                        "ERR WAITAOF cannot be used with replica instances. Please also note")))
                .isInstanceOf(StoreUnavailableException.class);
    }

    @ParameterizedTest
    @MethodSource("answersOfRedis")
    void aConnectionThatAnswersIsKept(Throwable error) {
        assertThat(RedisErrors.spoilsConnection(error)).isFalse();
    }

    @ParameterizedTest
    @MethodSource("doubts")
    void aConnectionInDoubtIsReplaced(Throwable error) {
        assertThat(RedisErrors.spoilsConnection(error)).isTrue();
    }
}
