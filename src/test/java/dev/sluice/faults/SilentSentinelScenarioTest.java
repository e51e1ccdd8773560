package dev.sluice.faults;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.client.TaskClient;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.task.Task;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.Private;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Mono;

/** A sentinel that hangs takes connections and says nothing; another one is well. */
@OnEveryRedis
@Timeout(60)
class SilentSentinelScenarioTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private final Collection<Socket> taken = new ConcurrentLinkedQueue<>();

    @Test
    void theOtherIsAskedAndHeardAndTheSilentOneIsTriedAgain(@Private RedisServer master, @TempDir Path folder)
            throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Sentinel sentinel = new Sentinel(master, folder)) {
            accept(silent);
            Sluice sluice =
                    Sluice.connect(sentinel.uri().replace("://", "://127.0.0.1:" + silent.getLocalPort() + ","));
            Dispatcher dispatcher = sluice.dispatcher(Node.QUEUE).handler("t", String.class, task -> Mono.just("done"));
            dispatcher.start().block(PATIENCE);
            TaskClient client = sluice.client(Node.QUEUE);

            assertThat(client.enqueueAndAwait(Task.of("t", "5"), String.class, PATIENCE)
                            .block(PATIENCE))
                    .isEqualTo("done");

            eventually(PATIENCE, () -> assertThat(sentinel.isHeard()).isTrue());
            int before = taken.size();
            eventually(PATIENCE, () -> assertThat(taken).hasSizeGreaterThan(before));
            dispatcher.stop(Duration.ZERO).then(sluice.close()).block(PATIENCE);
        } finally {
            for (Socket socket : taken) {
                socket.close();
            }
        }
    }

    private void accept(ServerSocket silent) {
        Thread accepting = new Thread(
                () -> {
                    try {
                        while (true) {
                            taken.add(silent.accept());
                        }
                    } catch (IOException closed) {
                        return; // the test is over
                    }
                },
                "silent");
        accepting.setDaemon(true);
        accepting.start();
    }
}
