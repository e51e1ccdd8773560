package dev.sluice.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.Test;

@OnEveryRedis
class HeldPortRedisTest {
    private final RedisServer redis;

    HeldPortRedisTest(@Private RedisServer redis) {
        this.redis = redis;
    }

    @Test
    void nobodyGetsThePortOfAServerThatIsAwayAndItComesBack() throws Exception {
        RedisWire wire = redis.wire();
        wire.call("PING");
        redis.kill();
        wire.close(); // after the server, whose side then lingers

        HeldPort.during(redis.port(), () -> {
            assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), redis.port()))
                    .isInstanceOf(ConnectException.class);
            assertThatThrownBy(() -> look(redis.port())).hasMessageContaining("in use");
            redis.restart();
        });

        assertThat(redis.call("PING")).isEqualTo("PONG");
    }

    /** As a server looks for a port that is free. */
    private static void look(int port) throws IOException {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(false);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        }
    }
}
