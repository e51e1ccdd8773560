package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

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
