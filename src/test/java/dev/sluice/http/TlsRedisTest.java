package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.sluice.dispatch.NothingDropped;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@OnEveryRedis
@Timeout(60)
@ExtendWith(NothingDropped.class)
class TlsRedisTest {
    private static final String TASKS = "/v1/queues/mail/tasks";
    private static final Progress.Patience HURRY =
            new Progress.Patience(Duration.ofMillis(1500), Duration.ofMillis(1500));

    private final SelfSigned own = SelfSigned.of("EC");

    @TempDir
    private Path folder;

    @Test
    void allIsAnsweredAsWithoutIt(RedisServer redis) throws Exception {
        try (Web web = mail(redis, Progress.Patience.STANDARD);
                Heard heard = web.listen("/v1/queues/mail/events")) {
            heard.events(1);
            String big = "{\"id\":\"big\",\"type\":\"t\",\"payload\":\"" + "x".repeat(200_000) + "\"}";

            assertThat(web.post(TASKS, big).status()).isEqualTo(201);

            assertThat(web.get(TASKS + "/big").json().path("state").asString()).isEqualTo("queued");
            eventually(() -> assertThat(heard.ids()).containsExactly("big"));
        }
    }

    @Test
    void onlyNewVersionsAreSpoken(RedisServer redis) throws Exception {
        try (Web web = mail(redis, Progress.Patience.STANDARD)) {
            for (String version : List.of("TLSv1.2", "TLSv1.3")) {
                try (SSLSocket socket = (SSLSocket) web.secret()) {
                    socket.setEnabledProtocols(new String[] {version});
                    socket.startHandshake();
                    assertThat(socket.getSession().getProtocol()).isEqualTo(version);
                }
            }
            try (Socket socket = web.socket()) {
                socket.getOutputStream().write(hello(1));
                assertThat(HexFormat.of().formatHex(socket.getInputStream().readAllBytes()))
                        .as("an alert: no such version")
                        .matches("1503..00020246");
            }
        }
    }

    /** Of a client that speaks TLS 1.{@code minor} at most. */
    private static byte[] hello(int minor) {
        return HexFormat.of()
                .parseHex(
                        "160301002d" + "01000029" + "030" + (minor + 1) + "5a".repeat(32) + "00" + "0002c00a" + "0100");
    }

    @Test
    void whatIsNoTlsIsRefusedWithoutNoise(RedisServer redis) throws Exception {
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        root.addAppender(log);
        try (Web web = mail(redis, HURRY)) {
            assertThat(web.raw("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"))
                    .doesNotContain("HTTP")
                    .hasSizeLessThan(8);
            assertThat(catchThrowable(
                            () -> over(SelfSigned.of("EC"), web.socket()).startHandshake()))
                    .isInstanceOf(SSLException.class);
            try (Socket vanishing = web.socket()) {
                vanishing.getOutputStream().write(hello(2), 0, 20);
                vanishing.setSoLinger(true, 0); // a reset instead of an end
            }
            for (String begun : List.of(
                    "",
                    new String(post("Content-Length: 1000\r\n"), US_ASCII) + "{",
                    "GET /v1/queues/mail/events HTTP/1.1\r\nHost: localhost\r\n\r\n")) {
                try (Socket plain = web.socket();
                        Socket secret = over(own, plain)) {
                    secret.getOutputStream().write(begun.getBytes(US_ASCII));
                    plain.getOutputStream().write("this is no record of TLS".getBytes(US_ASCII));
                    plain.getInputStream().readAllBytes();
                }
            }
            assertThat(web.get("/livez").status()).isEqualTo(200);
        } finally {
            root.detachAppender(log);
        }
        assertThat(log.list).noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.WARN));
    }

    @Test
    void whoDawdlesIsCutOff(RedisServer redis) throws Exception {
        String drops =
                "GET /livez HTTP/1.1\r\nHost: localhost\r\nA: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        try (Web web = mail(redis, HURRY);
                Socket silent = web.socket();
                SSLSocket silentBehindIt = (SSLSocket) web.secret()) {
            silentBehindIt.startHandshake();

            assertThat(HostileRedisTest.bytesUntilCut(web.socket(), new String(hello(2), US_ASCII)))
                    .isLessThan(40);
            assertThat(HostileRedisTest.bytesUntilCut(web.secret(), drops)).isLessThan(drops.length());
            Socket slowBody = web.secret();
            slowBody.getOutputStream().write(post("Content-Length: 1000\r\n"));
            assertThat(HostileRedisTest.bytesUntilCut(slowBody, " ".repeat(100)))
                    .isLessThan(100);
            assertThat(silent.getInputStream().read()).isEqualTo(-1);
            assertThat(silentBehindIt.getInputStream().read()).isEqualTo(-1);
            assertThat(web.post(TASKS, "{\"type\":\"t\"}").status()).isEqualTo(201);
        }
    }

    @Test
    void whoSendsMoreThanIsTakenStillReadsWhy(RedisServer redis) throws Exception {
        byte[] body = new byte[2_000_000];
        try (Web web = mail(redis, Progress.Patience.STANDARD)) {
            for (String version : List.of("TLSv1.2", "TLSv1.3")) {
                ByteArrayOutputStream records = new ByteArrayOutputStream();
                try (SSLSocket socket = over(own, new Overheard(web.port(), records))) {
                    socket.setEnabledProtocols(new String[] {version});
                    socket.getOutputStream().write(post("Content-Length: " + body.length + "\r\n"));
                    int refused = socket.getInputStream().read(); // before it has sent anything of the body
                    socket.getOutputStream().write(body);

                    assertThat((char) refused
                                    + new String(socket.getInputStream().readAllBytes(), US_ASCII))
                            .as(version)
                            .startsWith("HTTP/1.1 413")
                            .contains("body-too-large");
                }
                // In TLS 1.3 an alert looks like any record.
                assertThat(version.equals("TLSv1.3") || endsWithAnAlert(records.toByteArray()))
                        .as("it is told that the answer is over")
                        .isTrue();
            }
            assertThat(web.get("/livez").status()).isEqualTo(200);
        }
    }

    private static boolean endsWithAnAlert(byte[] records) {
        int last = 0;
        for (int at = 0; at < records.length; at += 5 + (records[at + 3] & 0xff) * 256 + (records[at + 4] & 0xff)) {
            last = records[at];
        }
        return last == 0x15;
    }

    private static SSLSocket over(SelfSigned trusted, Socket plain) throws IOException {
        return (SSLSocket) trusted.client().getSocketFactory().createSocket(plain, "localhost", plain.getPort(), true);
    }

    private Web mail(RedisServer redis, Progress.Patience patience) {
        return Web.over(
                redis.uri(),
                api -> api.queue(Queue.named("mail")),
                patience,
                TlsIdentity.read(own.certificate(folder.resolve("cert.pem")), own.key(folder.resolve("key.pem"))),
                own.client());
    }

    private static byte[] post(String header) {
        return ("POST " + TASKS + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + header
                        + "\r\n")
                .getBytes(US_ASCII);
    }

    /** A connection whose incoming bytes are kept. */
    private static final class Overheard extends Socket {
        private final OutputStream kept;

        Overheard(int port, OutputStream kept) throws IOException {
            super(InetAddress.getLoopbackAddress(), port);
            this.kept = kept;
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return new FilterInputStream(super.getInputStream()) {
                @Override
                public int read(byte[] into, int from, int most) throws IOException {
                    int count = super.read(into, from, most);
                    kept.write(into, from, Math.max(0, count));
                    return count;
                }
            };
        }
    }
}
