package dev.sluice.redis;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.RedisURI;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
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

    /** As a balancer does whose server has gone: Lettuce would wait for a minute. */
    @Test
    void anOpeningThatIsNotAnsweredIsGivenUpForAnother() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            silent.setSoTimeout(50);
            RedisLinks links = RedisLinks.own(RedisURI.create("redis://127.0.0.1:" + silent.getLocalPort()), null);
            List<Socket> opened = new ArrayList<>();

            EventLink.Listening listening = links.events().listen("channel", message -> {});

            eventually(() -> {
                listening.check().block(Duration.ofSeconds(5));
                accept(silent, opened);
                assertThat(opened).hasSize(2);
            });
            links.close().block(Duration.ofSeconds(10));
            for (Socket socket : opened) {
                socket.close();
            }
        }
    }

    /** Lettuce holds its socket for as long as its URI says, by default a minute, and each call opens another meanwhile. */
    @Test
    void theSocketOfAnOpeningThatIsNotAnsweredIsClosed() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            RedisLinks links = RedisLinks.own(RedisURI.create("redis://127.0.0.1:" + silent.getLocalPort()), null);
            assertThatThrownBy(
                            () -> links.commands().ping(Duration.ofSeconds(3)).block())
                    .isInstanceOf(StoreUnavailableException.class);

            try (Socket opened = silent.accept()) {
                opened.setSoTimeout(10_000);
                assertThatCode(() -> opened.getInputStream().readAllBytes()).doesNotThrowAnyException();
            }
            links.close().block(Duration.ofSeconds(10));
        }
    }

    @Test
    void whoCancelsACloseDoesNotUndoIt() {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        RedisLinks links = RedisLinks.own(RedisURI.create("redis://127.0.0.1:1"), null);
        assertThatThrownBy(() -> links.commands().ping(Duration.ofSeconds(3)).block())
                .isInstanceOf(StoreUnavailableException.class);

        links.close().subscribe().dispose();

        eventually(() -> {
            Set<Thread> left = new HashSet<>(Thread.getAllStackTraces().keySet());
            left.removeAll(before);
            left.removeIf(thread -> !thread.isAlive());
            assertThat(left).extracting(Thread::getName).noneMatch(name -> name.startsWith("lettuce"));
        });
        links.close().block(Duration.ofSeconds(10));
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

    private static void accept(ServerSocket server, List<Socket> into) throws IOException {
        try {
            into.add(server.accept());
        } catch (SocketTimeoutException none) {
            return; // nobody came, for now
        }
    }
}
