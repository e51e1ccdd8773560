package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.RedisURI;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class RedisLinksTest {

    /** As for a socket file where Netty's native transport is not there, or with a credentials provider that throws. */
    @Test
    void whatIsThrownWhereAConnectionBeginsToBeOpenedIsToldToEachCallAtOnce() {
        RedisURI uri = RedisURI.create("redis://127.0.0.1:1");
        uri.setCredentialsProvider(() -> {
            throw new IllegalStateException("no credentials today");
        });
        RedisLinks links = RedisLinks.own(uri, null);
        Duration within = Duration.ofSeconds(5);

        for (int call = 0; call < 4; call++) {
            long before = System.nanoTime();
            assertThatThrownBy(() -> links.commands().ping(within).block())
                    .isInstanceOf(StoreUnavailableException.class)
                    .hasMessageContaining("no credentials today");
            assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(within);
        }

        EventLink.Listening listening = links.events().listen("channel", message -> {});
        listening.check().block(within);
        listening.dispose();
        links.close().block(within);
    }

    /** Lettuce's own shutdown can wait for a connection that never comes to be: the threads end all the same. */
    @Test
    void nothingOfALinkThatIsStillBeingOpenedOutlivesItsClose() throws IOException {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            RedisLinks links = RedisLinks.own(RedisURI.create("redis://127.0.0.1:" + silent.getLocalPort()), null);
            Mono<Void> ping = links.commands().ping(Duration.ofSeconds(30)).onErrorComplete();
            ping.subscribe();
            silent.accept(); // and say nothing

            links.close().block(Duration.ofSeconds(10));
        }

        Set<Thread> left = new HashSet<>(Thread.getAllStackTraces().keySet());
        left.removeAll(before);
        left.removeIf(thread -> !thread.isAlive());
        assertThat(left).extracting(Thread::getName).noneMatch(name -> name.startsWith("lettuce"));
    }
}
