package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.http.Web.Told;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

@OnEveryRedis
@Timeout(60)
class AccessRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String READ = "read-token-0123456789";
    private static final String PRODUCE = "produce-token-0123456789";
    private static final String OPERATE = "operate-token-0123456789";
    private static final String QUEUE = "/v1/queues/mail";
    private static final String TASK = "{\"id\":\"a\",\"type\":\"t\"}";

    private final Web web;

    AccessRedisTest(RedisServer redis) {
        web = Web.over(
                redis.uri(),
                api -> api.queue(Queue.named("mail"))
                        .token(Role.READ, READ)
                        .token(Role.PRODUCE, PRODUCE)
                        .token(Role.OPERATE, OPERATE)
                        .metrics(() -> "up 1\n"));
    }

    @AfterEach
    void close() {
        web.close();
    }

    @Test
    void withoutATokenThereAreProbesAndTheDescription() {
        assertThat(web.get("/livez").text()).isEqualTo("ok\n");
        assertThat(web.get("/readyz").text()).isEqualTo("{\"ready\":true,\"checks\":{\"redis\":true}}");
        assertThat(web.get("/openapi.yaml").text()).startsWith("openapi: 3.1");
        for (Told refused : new Told[] {
            web.get("/metrics"),
            web.get("/v1/queues"),
            web.post(QUEUE + "/tasks", TASK),
            web.get(QUEUE, "Authorization", "Bearer " + READ + "x"),
            web.get(QUEUE, "Authorization", "Bearer "),
            web.get(QUEUE, "Authorization", "Basic " + READ)
        }) {
            assertThat(refused.status()).isEqualTo(401);
            assertThat(refused.code()).isEqualTo("unauthorized");
            assertThat(refused.header("WWW-Authenticate")).startsWith("Bearer");
        }
    }

    @Test
    void aRoleMayDoWhatIsItsOwn() {
        assertThat(statuses(READ)).isEqualTo("200 200 403 404 403 403 403 200");
        assertThat(statuses(PRODUCE)).isEqualTo("403 403 201 200 403 403 403 403");
        assertThat(statuses(OPERATE)).isEqualTo("200 200 200 200 200 200 200 200");
        assertThat(web.get(QUEUE, "Authorization", "bearer   " + READ).status()).isEqualTo(200);
        assertThat(web.get(QUEUE, bearer(PRODUCE)).json().path("detail").asString())
                .contains("produce")
                .doesNotContain(PRODUCE);
    }

    @Test
    void toListenIsToRead() {
        for (String path : new String[] {"/v1/events", QUEUE + "/events", QUEUE + "/tasks/a/events"}) {
            assertThat(web.ask("HEAD", path, "").status()).isEqualTo(401);
            assertThat(web.ask("HEAD", path, "", bearer(PRODUCE)).status()).isEqualTo(403);
            assertThat(web.ask("HEAD", path, "", bearer(READ)).status()).isEqualTo(200);
        }
        assertThat(web.get(QUEUE + "/tasks/a?wait=1s", bearer(PRODUCE)).code()).isEqualTo("task-unknown");
    }

    @Test
    void toSeeWhoServesIsToRead() {
        assertThat(web.get(QUEUE + "/dispatchers").status()).isEqualTo(401);
        assertThat(web.get(QUEUE + "/dispatchers", bearer(PRODUCE)).status()).isEqualTo(403);
        assertThat(web.get(QUEUE + "/dispatchers", bearer(READ)).status()).isEqualTo(200);
    }

    @Test
    void toActOnSchedulesIsToOperate() {
        assertThat(web.get(QUEUE + "/schedules", bearer(READ)).status()).isEqualTo(200);
        assertThat(web.get(QUEUE + "/schedules", bearer(PRODUCE)).status()).isEqualTo(403);
        for (String verb : new String[] {":pause", ":resume", ":trigger"}) {
            assertThat(web.post(QUEUE + "/schedules/s" + verb, "", bearer(READ)).status())
                    .isEqualTo(403);
            assertThat(web.post(QUEUE + "/schedules/s" + verb, "", bearer(OPERATE))
                            .code())
                    .isEqualTo("schedule-unknown");
        }
        assertThat(web.delete(QUEUE + "/schedules/s", bearer(PRODUCE)).status()).isEqualTo(403);
        assertThat(web.ask("PUT", QUEUE + "/schedules/s", "{}", bearer(PRODUCE)).status())
                .isEqualTo(403);
        assertThat(web.post(QUEUE + "/tasks/a:retry", "", bearer(PRODUCE)).status())
                .isEqualTo(403);
    }

    private String statuses(String token) {
        String[] who = bearer(token);
        return String.join(
                " ",
                code(web.get("/v1/queues", who)),
                code(web.get(QUEUE + "/dead-letters", who)),
                code(web.post(QUEUE + "/tasks", TASK, who)),
                code(web.get(QUEUE + "/tasks/a", who)),
                code(web.delete(QUEUE + "/tasks/a", who)),
                code(web.post(QUEUE + ":pause", "", who)),
                code(web.post(QUEUE + "/dead-letters:purge?all=true", "", who)),
                code(web.get("/metrics", who)));
    }

    @Test
    void aPageOfAnotherSiteChangesNothing() {
        assertThat(web.post(QUEUE + ":pause", "", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer " + OPERATE)
                        .code())
                .isEqualTo("foreign-site");
        assertThat(web.post(QUEUE + ":pause", "", "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer " + OPERATE)
                        .status())
                .isEqualTo(200);
    }

    @Test
    void anOriginMustBeTheHost() throws IOException {
        assertThat(pausedFrom("http://evil.example")).contains("foreign-site");
        assertThat(pausedFrom("null")).contains("foreign-site");
        assertThat(pausedFrom("http://sluice.example:81")).contains("foreign-site");
        assertThat(pausedFrom("http://sluice.example")).startsWith("HTTP/1.1 200");
    }

    private String pausedFrom(String origin) throws IOException {
        return web.raw("POST " + QUEUE + ":pause HTTP/1.1\r\nHost: sluice.example\r\nOrigin: " + origin
                + "\r\nAuthorization: Bearer " + OPERATE + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }

    @Test
    void withoutTokensAHostThatAnybodyCouldNameIsRefused(RedisServer redis) throws IOException {
        try (Web open = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")))) {
            assertThat(open.raw(look("evil.example:8080")))
                    .startsWith("HTTP/1.1 421")
                    .contains("foreign-host");
            assertThat(open.raw(look("evil"))).startsWith("HTTP/1.1 421");
            assertThat(open.raw("GET " + QUEUE + " HTTP/1.0\r\n\r\n")).contains(" 421 ");
            for (String own : new String[] {"localhost", "LocalHost:1", "127.0.0.1:8080", "10.1.2.3", "[::1]:80"}) {
                assertThat(open.raw(look(own))).startsWith("HTTP/1.1 200");
            }
            assertThat(open.raw("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
                    .startsWith("HTTP/1.1 200");
        }
    }

    private static String look(String host) {
        return "GET " + QUEUE + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
    }

    @Test
    void publicAddressesNeedATokenOrAWord(RedisServer redis, @TempDir Path folder) {
        Sluice sluice = Sluice.connect(redis.uri());
        InetSocketAddress everywhere = new InetSocketAddress(0);
        try {
            HttpApi open = HttpApi.over(sluice).build();
            HttpApi closed = HttpApi.over(sluice).token(Role.READ, READ).build();

            assertThatThrownBy(() -> open.listen(everywhere, false).block(SOON))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("a token is needed");
            SelfSigned own = SelfSigned.of("EC");
            TlsIdentity identity =
                    TlsIdentity.read(own.certificate(folder.resolve("cert")), own.key(folder.resolve("key")));
            assertThatThrownBy(() -> open.listen(everywhere, false, identity).block(SOON))
                    .hasMessageContaining("a token is needed");
            open.listen(everywhere, true, identity)
                    .block(SOON)
                    .stop(Duration.ZERO)
                    .block(SOON);
            open.listen(everywhere, true).block(SOON).stop(Duration.ZERO).block(SOON);
            closed.listen(everywhere, false).block(SOON).stop(Duration.ZERO).block(SOON);
            assertThatThrownBy(() -> HttpApi.over(sluice).token(Role.READ, "short"))
                    .hasMessageContaining("16 to 256")
                    .hasMessageNotContaining("short");
        } finally {
            sluice.close().block(SOON);
        }
    }

    @Test
    void aStopWaitsForTheRequestsThatAreThere(RedisServer redis) throws Exception {
        assertThatAStopWaits(redis, SOON);
    }

    @Test
    void aStopMayWaitForAsLongAsADurationCanBe(RedisServer redis) throws Exception {
        assertThatAStopWaits(redis, Duration.ofSeconds(Long.MAX_VALUE));
    }

    private static void assertThatAStopWaits(RedisServer redis, Duration grace) throws Exception {
        try (Web open = Web.over(redis.uri(), api -> api.queue(Queue.named("mail")));
                Socket socket = open.socket()) {
            String head = "POST " + QUEUE + "/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Expect: 100-continue\r\nContent-Length: " + TASK.length() + "\r\n\r\n";
            socket.getOutputStream().write(head.getBytes(US_ASCII));
            byte[] goOn = socket.getInputStream().readNBytes("HTTP/1.1 100 Continue\r\n\r\n".length());
            assertThat(new String(goOn, US_ASCII)).startsWith("HTTP/1.1 100");

            CompletableFuture<Void> stopped = open.stop(grace).toFuture();
            eventually(() -> assertThatThrownBy(open::socket).isInstanceOf(ConnectException.class));
            assertThat(stopped).isNotDone();
            socket.getOutputStream().write(TASK.getBytes(US_ASCII));

            assertThat(new String(socket.getInputStream().readAllBytes(), US_ASCII))
                    .startsWith("HTTP/1.1 201");
            stopped.get(5, TimeUnit.SECONDS);
        }
    }

    @Test
    void aPortThatIsTakenIsAnError(RedisServer redis) {
        Sluice sluice = Sluice.connect(redis.uri());
        InetSocketAddress taken = new InetSocketAddress(InetAddress.getLoopbackAddress(), web.port());
        try {
            assertThatThrownBy(() ->
                            HttpApi.over(sluice).build().listen(taken, false).block(SOON))
                    .hasMessageContaining("Failed to bind");
        } finally {
            sluice.close().block(SOON);
        }
    }

    @Test
    void whoCancelsBeforeItListensLeavesNoThreads() {
        Set<Thread> before = threadsOfListeners();

        another().subscribe(new BaseSubscriber<>() {
            @Override
            protected void hookOnSubscribe(Subscription subscription) {
                cancel();
            }
        });

        eventually(() -> assertThat(threadsOfListeners()).isSubsetOf(before));
    }

    @Test
    void whoCancelsAsItListensLeavesNoThreads() {
        AtomicBoolean cancelled = new AtomicBoolean();
        Set<Thread> before = threadsOfListeners();

        another().subscribe(new BaseSubscriber<>() {
            @Override
            protected void hookOnNext(HttpListener nobodys) {
                Thread other = new Thread(this::cancel);
                other.start();
                while (other.isAlive()) {
                    // an event loop must not wait otherwise
                }
                cancelled.set(true);
            }
        });

        eventually(() -> assertThat(cancelled).isTrue());
        eventually(() -> assertThat(threadsOfListeners()).isSubsetOf(before));
    }

    @Test
    void whoTakesTheFirstOfOneHasIt() {
        HttpListener listener = Flux.from(another()).take(1).blockFirst(SOON);

        assertThatCode(() -> new Socket(
                                InetAddress.getLoopbackAddress(),
                                listener.address().getPort())
                        .close())
                .doesNotThrowAnyException();
        listener.stop(Duration.ZERO).block(SOON);
    }

    private Mono<HttpListener> another() {
        return HttpApi.over(web.sluice())
                .build()
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), false);
    }

    private static Set<Thread> threadsOfListeners() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("sluice-http"))
                .collect(Collectors.toSet());
    }

    private static String code(Told told) {
        return Integer.toString(told.status());
    }

    private static String[] bearer(String token) {
        return new String[] {"Authorization", "Bearer " + token};
    }
}
