package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Durability;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class DurableLinkTest {

    @Test
    void theCommandsAreWhatRedisDocuments() {
        assertThat(command(Durability.replicated(2))).isEqualTo("WAIT 2 1000"); // numreplicas timeout
        assertThat(command(Durability.fsync())).isEqualTo("WAITAOF 1 0 1000"); // numlocal numreplicas timeout
    }

    private static String command(Durability durability) {
        CommandArgs<byte[], byte[]> args = new CommandArgs<>(ByteArrayCodec.INSTANCE);
        DurableLink.operands(durability, durability.replicas(), Duration.ofSeconds(1), args);
        return new String(DurableLink.verb(durability).getBytes(), StandardCharsets.US_ASCII) + " "
                + args.toCommandString();
    }
}
