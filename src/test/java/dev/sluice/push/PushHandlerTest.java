package dev.sluice.push;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import dev.sluice.observe.Observer;
import dev.sluice.observe.Outcome;
import dev.sluice.task.Verdict;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.Disposable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.netty.http.client.HttpClient;

class PushHandlerTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final String OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static final String NEW_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    private static final GivenTask TASK = GivenTask.of("report-7");

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final Observer observer = new Observer() {
        @Override
        public void delivered(String target, Outcome outcome, long nanos) {
            told.add(target + " " + outcome.word());
        }
    };

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable it : opened) {
            it.close();
        }
    }

    @Test
    void aDeliveryIsASignedPostOfThePayload() throws Exception {
        Endpoint endpoint = open(Endpoint.answering(200, ""));
        PushHandler handler = handler(target(endpoint).secret(NEW_SECRET).secret(OLD_SECRET));

        assertThat(delivered(handler, TASK)).isNull();

        Endpoint.Request request = endpoint.requests().get(0);
        assertThat(request.method() + " " + request.uri()).isEqualTo("POST /report?part=1");
        assertThat(request.body()).isEqualTo(TASK.json());
        assertThat(request.headers().get("content-length")).isEqualTo("19");
        assertThat(request.headers().contains("accept-encoding")).isFalse(); // no answer is unpacked
        for (String secret : List.of(NEW_SECRET, OLD_SECRET)) {
            assertThatCode(() -> verify(secret, request)).doesNotThrowAnyException();
        }
        assertThatThrownBy(() -> verify("whsec_" + "A".repeat(32), request))
                .isInstanceOf(WebhookVerificationException.class);
        assertThat(told).containsExactly("http://127.0.0.1:" + endpoint.port() + " succeeded");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "application/json | {\"pages\":3} | json",
                "application/problem+json; charset=utf-8 | [1] | json",
                "application/json | {broken | text",
                "text/plain | done | text",
                "text/plain | 17 | text",
            })
    void theBodyOfASuccessIsItsResult(String type, String body, String kind) {
        Endpoint endpoint = open(Endpoint.answering(
                (request, response) -> response.header("content-type", type).sendString(Mono.just(body))));

        Object result = delivered(handler(target(endpoint)), TASK);

        assertThat(result).isInstanceOf(kind.equals("json") ? byte[].class : String.class);
        assertThat(result instanceof byte[] json ? new String(json, StandardCharsets.UTF_8) : result)
                .isEqualTo(body);
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/json; charset=ISO-8859-1", "text/plain; charset=\"iso-8859-1\""})
    void aResultIsReadInTheCharacterSetThatTheAnswerNames(String type) {
        String body = "{\"city\":\"Zürich\"}";
        Endpoint endpoint = open(Endpoint.answering((request, response) -> response.header("content-type", type)
                .sendByteArray(Mono.just(body.getBytes(StandardCharsets.ISO_8859_1)))));

        Object result = delivered(handler(target(endpoint)), TASK);

        assertThat(result instanceof byte[] json ? new String(json, StandardCharsets.UTF_8) : result)
                .isEqualTo(body);
        assertThat(result instanceof byte[]).isEqualTo(type.startsWith("application/json"));
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 201, 202, 204, 299})
    void every2xxIsASuccess(int status) {
        assertThat(delivered(handler(target(open(Endpoint.answering(status, "")))), TASK))
                .isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 404, 409, 422, 429, 500, 502, 503, 504})
    void anyOtherAnswerIsAFailedAttempt(int status) {
        Endpoint endpoint = open(Endpoint.answering(status, "no\r\n  such\u0007month"));

        assertThatThrownBy(() -> delivered(handler(target(endpoint)), TASK))
                .isInstanceOf(NotDeliveredException.class)
                .hasMessage("http://127.0.0.1:" + endpoint.port() + " answered " + status + ": no such month");
        assertThat(told).containsExactly("http://127.0.0.1:" + endpoint.port() + " retried");
    }

    @ParameterizedTest
    @ValueSource(ints = {410, 489, 422})
    void somethingThatWillNeverBeTakenIsADeadLetterAtOnce(int status) {
        Endpoint endpoint = open(Endpoint.answering(status, "no such customer"));

        Object end = delivered(handler(target(endpoint).deadOn(422)), TASK);

        assertThat(end).isInstanceOfSatisfying(Verdict.Dead.class, dead -> {
            assertThat(dead.failure().reason()).isEqualTo("rejected");
            assertThat(dead.failure().message()).endsWith(" answered " + status + ": no such customer");
        });
        assertThat(told).containsExactly("http://127.0.0.1:" + endpoint.port() + " dead");
    }

    @ParameterizedTest
    @CsvSource({"429, 7, 7", "503, 7, 7", "503, 86400, 86400", "503, 86401, 86400", "503, 99999999999999999999, 86400"})
    void aRetryAfterInSecondsIsObeyed(int status, String header, long seconds) {
        assertThat(retryAfter(status, header)).isEqualTo(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'", "EEE MMM ppd HH:mm:ss yyyy"
            })
    void aRetryAfterThatIsADateIsObeyed(String format) {
        String inAMinute = DateTimeFormatter.ofPattern(format, java.util.Locale.US)
                .withZone(ZoneOffset.UTC)
                .format(Instant.now().plusSeconds(61));

        assertThat(retryAfter(503, inAMinute)).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(61));
    }

    /** Its clock and ours may differ. */
    @Test
    void aRetryAfterThatIsADateIsMeantByTheClockOfWhoAnswered() {
        DateTimeFormatter format = DateTimeFormatter.RFC_1123_DATE_TIME.withZone(ZoneOffset.UTC);
        Instant theirs = Instant.now().minusSeconds(3600);
        Endpoint endpoint = open(Endpoint.answering((request, response) -> response.status(503)
                .header("date", format.format(theirs))
                .header("retry-after", format.format(theirs.plusSeconds(120)))
                .send()));

        Object end = delivered(handler(target(endpoint)), TASK);

        assertThat(end).isInstanceOf(Verdict.Retry.class);
        assertThat(((Verdict.Retry) end).delay()).isEqualTo(Duration.ofMinutes(2));
    }

    /** Else each of many would be used just before the receiver closes it. */
    @Test
    void oneAfterTheOtherGoesThroughFewOfTheConnections() {
        List<String> used = new CopyOnWriteArrayList<>();
        Endpoint endpoint = open(Endpoint.answering((request, response) -> {
            response.withConnection(it -> used.add(it.channel().id().asShortText()));
            return Mono.delay(Duration.ofMillis(200)).thenEmpty(response.send());
        }));
        PushHandler handler = handler(target(endpoint));
        Flux.range(0, 5).flatMap(i -> handler.handle(TASK)).then().block(PATIENCE);
        assertThat(used).hasSize(5).doesNotHaveDuplicates();

        for (int i = 0; i < 10; i++) {
            delivered(handler, TASK); // which may end before its connection is back among the idle ones
        }

        assertThat(Set.copyOf(used.subList(5, 15))).hasSizeBetween(1, 3);
    }

    @ParameterizedTest
    @CsvSource({
        "503, soon",
        "503, -1",
        "429, 1.5",
        "503, ''",
        "503, 0",
        "503, 'Sun, 06 Nov 1994 08:49:37 GMT'",
        "500, 7",
        "404, 7"
    })
    void aRetryAfterThatSaysNothingIsNone(int status, String header) {
        Endpoint endpoint = open(Endpoint.answering((request, response) ->
                response.status(status).header("retry-after", header).send()));

        assertThatThrownBy(() -> delivered(handler(target(endpoint)), TASK)).isInstanceOf(NotDeliveredException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void aRedirectIsNeverFollowed(int status) {
        Endpoint endpoint = open(Endpoint.answering((request, response) ->
                response.status(status).header("location", request.uri()).send()));

        assertThatThrownBy(() -> delivered(handler(target(endpoint)), TASK))
                .isInstanceOf(NotDeliveredException.class)
                .hasMessageEndingWith(" answered " + status);
        assertThat(endpoint.requests()).hasSize(1);
    }

    @Test
    void ofAnEndlessAnswerOnlyTheLimitIsRead() {
        Endpoint endpoint = open(Endpoint.answering((request, response) -> response.status(
                        request.body().equals("1") ? 200 : 500)
                .send(Flux.<io.netty.buffer.ByteBuf>generate(
                        sink -> sink.next(Unpooled.wrappedBuffer(new byte[1 << 16]))))));
        PushHandler handler = handler(target(endpoint).resultLimit(1 << 20));

        assertThat(delivered(handler, new GivenTask("a", "t", "1", Map.of()))).isNull();
        assertThatThrownBy(() -> delivered(handler, TASK)).hasMessageContaining(" answered 500");

        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(2));
    }

    @Test
    void anAnswerOfTheLimitIsAResultAndALongerOneIsNone() {
        Endpoint endpoint = open(Endpoint.answering(
                (request, response) -> response.sendString(Mono.just("x".repeat(Integer.parseInt(request.body()))))));
        PushHandler handler = handler(target(endpoint).resultLimit(10));

        assertThat(delivered(handler, new GivenTask("a", "t", "10", Map.of()))).isEqualTo("x".repeat(10));
        assertThat(delivered(handler, new GivenTask("a", "t", "11", Map.of()))).isNull();
        assertThat(delivered(handler(target(endpoint).resultLimit(0)), new GivenTask("a", "t", "0", Map.of())))
                .isNull();
    }

    @Test
    void connectionsAreUsedAgain() {
        Endpoint endpoint = open(Endpoint.answering((request, response) ->
                response.status(request.body().equals("1") ? 200 : 500).sendString(Mono.just("ok"))));
        PushHandler handler = handler(target(endpoint));

        for (int i = 0; i < 5; i++) {
            assertThat(delivered(handler, new GivenTask("a", "t", "1", Map.of())))
                    .isEqualTo("ok");
            assertThatThrownBy(() -> delivered(handler, TASK)).isInstanceOf(NotDeliveredException.class);
            LockSupport.parkNanos(50_000_000L); // on a busy machine those of two were on their way
        }

        // A delivery may find the connection of the one before on its way back.
        assertThat(endpoint.connections()).isBetween(1, 2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
                "HTTP/1.1 200 OK\r\nx-",
                "SSH-2.0-OpenSSH_9.2\r\n",
                ""
            })
    void anAnswerThatBreaksOffIsAFailedAttempt(String answer) throws IOException {
        PushHandler handler = handler(PushTarget.to(bareServer(answer)).allowPrivate("127.0.0.1"));

        assertThatThrownBy(() -> delivered(handler, TASK)).isNotInstanceOf(IllegalStateException.class);
        assertThat(told).singleElement().asString().endsWith(" retried");
    }

    @ParameterizedTest
    @ValueSource(strings = {"content-length: 100\r\n\r\nno such", "transfer-encoding: chunked\r\n\r\n7\r\nno such\r\n"})
    void aRefusalHoldsThoughItsBodyBreaksOffOrHangs(String rest) throws IOException {
        for (boolean hangs : List.of(false, true)) {
            assertThat(refused("410 Gone\r\n" + rest, hangs))
                    .isInstanceOfSatisfying(
                            Verdict.Dead.class,
                            dead -> assertThat(dead.failure().message()).endsWith(" answered 410: no such"));
            assertThat(refused("429 Too Many Requests\r\nretry-after: 7\r\n" + rest, hangs))
                    .isInstanceOfSatisfying(
                            Verdict.Retry.class,
                            retry -> assertThat(retry.delay()).isEqualTo(Duration.ofSeconds(7)));
            assertThatThrownBy(() -> refused("500 Internal Server Error\r\n" + rest, hangs))
                    .isInstanceOf(NotDeliveredException.class)
                    .hasMessageEndingWith(" answered 500: no such");
        }
    }

    @Test
    void theReasonOfARefusalIsNotWaitedForLongerThanTheAttemptMayTake() {
        Endpoint endpoint = open(Endpoint.answering((request, response) -> response.status(410)
                .header("content-length", "100")
                .sendHeaders()
                .then(Mono.never())));

        Object end = handler(target(endpoint))
                .handle(TASK.leaving(() -> Duration.ofMillis(400)))
                .timeout(Duration.ofMillis(800)) // less than the second that a reason may take else
                .block();

        assertThat(end).isInstanceOf(Verdict.Dead.class);
        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(1));
    }

    /** Else the final answer to one delivery would be read as that to the next on its connection. */
    @Test
    void whatComesBeforeTheFinalAnswerIsSkipped() throws IOException {
        AtomicInteger requests = new AtomicInteger();
        PushHandler handler = handler(PushTarget.to(keptServer(answer -> {
                    answer.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
                    answer.flush();
                    LockSupport.parkNanos(50_000_000);
                    answer.write(("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + requests.incrementAndGet())
                            .getBytes(StandardCharsets.US_ASCII));
                }))
                .allowPrivate("127.0.0.1")
                .connections(1));

        for (String number : List.of("1", "2", "3")) {
            assertThat(delivered(handler, TASK)).isEqualTo(number);
        }
        assertThat(told).allMatch(it -> it.endsWith(" succeeded"));
    }

    @Test
    void aTargetThatSwitchesProtocolsIsAFailedAttempt() throws IOException {
        PushHandler handler = handler(PushTarget.to(
                        bareServer("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"))
                .allowPrivate("127.0.0.1"));

        assertThatThrownBy(() -> delivered(handler, TASK)).hasMessageContaining("switched to another protocol");
    }

    @Test
    void headersWithoutEndAreAFailedAttempt() throws IOException {
        String header = "x-a: " + "a".repeat(1000) + "\r\n";
        PushHandler handler = handler(PushTarget.to(bareServer("HTTP/1.1 200 OK\r\n" + header.repeat(100)))
                .allowPrivate("127.0.0.1"));

        assertThatThrownBy(() -> delivered(handler, TASK)).isNotInstanceOf(IllegalStateException.class);
    }

    @Test
    void aTargetThatIsDownIsAFailedAttempt() throws IOException {
        int port;
        try (ServerSocket gone = new ServerSocket(0)) {
            port = gone.getLocalPort();
        }
        PushHandler handler =
                handler(PushTarget.to("http://127.0.0.1:" + port + "/").allowPrivate("127.0.0.0/8"));

        assertThatThrownBy(() -> delivered(handler, TASK)).hasMessageContaining("Connection refused");
    }

    @Test
    void aHostIsLookedUp() {
        Endpoint endpoint = open(Endpoint.answering(200, "ok"));

        Object end = delivered(
                handler(PushTarget.to("http://localhost:" + endpoint.port() + "/")
                        .allowPrivate("127.0.0.1")),
                TASK);

        assertThat(end).isEqualTo("ok");
    }

    @Test
    void whoGivesUpClosesTheConnection() {
        Endpoint endpoint = open(Endpoint.answering((request, response) -> Mono.never()));
        Disposable delivery = handler(target(endpoint)).handle(TASK).subscribe();
        eventually(() -> assertThat(endpoint.requests()).hasSize(1));

        delivery.dispose();

        eventually(() -> assertThat(endpoint.closedConnections()).isEqualTo(1));
        assertThat(told).containsExactly("http://127.0.0.1:" + endpoint.port() + " cancelled");
    }

    @Test
    void deliveriesBeyondTheConnectionsWaitForOne() {
        Sinks.Empty<Void> release = Sinks.empty();
        Endpoint endpoint = open(Endpoint.answering((request, response) -> release.asMono()));
        PushHandler handler = handler(target(endpoint).connections(2));

        Mono<List<String>> all = Flux.range(0, 10)
                .flatMap(i -> handler.handle(GivenTask.of("t" + i)).thenReturn("t" + i), 10)
                .collectList();
        List<String> done = new CopyOnWriteArrayList<>();
        opened.add(all.subscribe(done::addAll)::dispose);
        eventually(() -> assertThat(endpoint.requests()).hasSize(2));
        release.tryEmitEmpty();

        eventually(() -> assertThat(done).hasSize(10));
        assertThat(endpoint.connections()).isEqualTo(2);
    }

    @Test
    void whatItSaysOfTimesIsTrueWhenItIsSent() {
        Sinks.Empty<Void> release = Sinks.empty();
        Endpoint endpoint = open(Endpoint.answering((request, response) -> release.asMono()));
        PushHandler handler = handler(target(endpoint).connections(1));
        AtomicReference<Duration> left = new AtomicReference<>(Duration.ofSeconds(30));
        opened.add(handler.handle(TASK).subscribe()::dispose);
        eventually(() -> assertThat(endpoint.requests()).hasSize(1));

        opened.add(handler.handle(TASK.leaving(left::get)).subscribe()::dispose);
        left.set(Duration.ofSeconds(20)); // while it waits for a connection
        release.tryEmitEmpty();

        eventually(() -> assertThat(endpoint.requests()).hasSize(2));
        assertThat(endpoint.requests().get(1).headers().get("ce-remainingms")).isEqualTo("20000");
    }

    @Test
    void aDeliveryThatGetsNoConnectionIsHandedBack() {
        Endpoint endpoint = open(Endpoint.answering((request, response) -> Mono.never()));
        PushHandler handler = handler(target(endpoint).connections(1), Duration.ofMillis(50), it -> it);
        opened.add(handler.handle(TASK).subscribe()::dispose);
        eventually(() -> assertThat(endpoint.requests()).hasSize(1));

        assertThat(delivered(handler, GivenTask.of("other"))).isEqualTo(Verdict.released());

        assertThat(endpoint.requests()).hasSize(1);
        assertThat(told).containsExactly("http://127.0.0.1:" + endpoint.port() + " released");
    }

    @Test
    void aCertificateThatNobodyVouchesForIsAFailedAttempt() {
        Endpoint endpoint = open(Endpoint.configured(TestCertificate::shownBy));
        PushHandler handler = handler(
                PushTarget.to("https://localhost:" + endpoint.port()).allowPrivate("127.0.0.1"), hostsAt("127.0.0.1"));

        assertThatThrownBy(() -> delivered(handler, TASK))
                .hasMessageContaining("unable to find valid certification path");
        assertThat(endpoint.requests()).isEmpty();
    }

    @Test
    void aCertificateForAnotherNameIsAFailedAttempt() {
        Endpoint endpoint = open(Endpoint.configured(TestCertificate::shownBy));
        UnaryOperator<HttpClient> trusting = client -> hostsAt("127.0.0.1").apply(TestCertificate.trustedBy(client));
        PushHandler named =
                handler(PushTarget.to("https://localhost:" + endpoint.port()).allowPrivate("127.0.0.1"), trusting);
        PushHandler misnamed =
                handler(PushTarget.to("https://example.org:" + endpoint.port()).allowPrivate("127.0.0.1"), trusting);

        assertThat(delivered(named, TASK)).isNull();
        assertThatThrownBy(() -> delivered(misnamed, TASK)).hasMessageContaining("example.org");
        assertThat(endpoint.requests()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "::ffff:127.0.0.1",
                "10.0.0.1",
                "169.254.169.254",
                "::1",
                "fd00::1",
                "64:ff9b::7f00:1"
            })
    void aNameOfAnAddressThatIsNotPublicIsNotConnectedTo(String address) {
        Endpoint endpoint = open(Endpoint.answering(200, ""));
        PushHandler handler = handler(PushTarget.to("http://example.org:" + endpoint.port() + "/"), hostsAt(address));

        assertThatThrownBy(() -> delivered(handler, TASK))
                .isInstanceOf(NotDeliveredException.class)
                .hasMessageStartingWith(
                        "the target's address is not one of the public internet and was not allowed: example.org/");
        eventually(() -> assertThat(endpoint.connections()).isZero());
    }

    // 127.0.0.2 stands for an address that may be talked to, such as a public one.
    @Test
    void aNameThatChangesItsAddressIsLookedAtWithEachConnection() {
        Endpoint endpoint = open(Endpoint.answering(
                (request, response) -> response.header("connection", "close").send()));
        FakeNames names = new FakeNames("127.0.0.2", "127.0.0.1");
        PushHandler handler = handler(
                PushTarget.to("http://example.org:" + endpoint.port() + "/").allowPrivate("127.0.0.2"),
                client -> client.resolver(names));

        assertThat(delivered(handler, TASK)).isNull();
        assertThatThrownBy(() -> delivered(handler, TASK))
                .isInstanceOf(NotDeliveredException.class)
                .hasMessageEndingWith("example.org/127.0.0.1:" + endpoint.port());

        assertThat(names.asked()).isEqualTo(2);
        assertThat(endpoint.connections()).isEqualTo(1);
    }

    private static UnaryOperator<HttpClient> hostsAt(String address) {
        return client -> client.resolver(new FakeNames(address));
    }

    private Duration retryAfter(int status, String header) {
        Endpoint endpoint = open(Endpoint.answering((request, response) ->
                response.status(status).header("retry-after", header).send()));
        Object end = delivered(handler(target(endpoint)), TASK);
        assertThat(end).isInstanceOf(Verdict.Retry.class);
        return ((Verdict.Retry) end).delay();
    }

    private static void verify(String secret, Endpoint.Request request) throws WebhookVerificationException {
        Map<String, List<String>> headers = request.headers().names().stream()
                .collect(
                        Collectors.toMap(name -> name, name -> request.headers().getAll(name)));
        new Webhook(secret).verify(request.body(), headers);
    }

    private static PushTarget.Builder target(Endpoint endpoint) {
        return PushTarget.to(endpoint.url()).allowPrivate("127.0.0.1");
    }

    private PushHandler handler(PushTarget.Builder target) {
        return handler(target, it -> it);
    }

    private PushHandler handler(PushTarget.Builder target, UnaryOperator<HttpClient> more) {
        return handler(target, PATIENCE, more);
    }

    private PushHandler handler(PushTarget.Builder target, Duration wait, UnaryOperator<HttpClient> more) {
        PushHandler handler = PushHandler.to(target.build(), observer, wait, more);
        opened.add(0, () -> handler.close().block(PATIENCE));
        return handler;
    }

    private Endpoint open(Endpoint endpoint) {
        opened.add(endpoint);
        return endpoint;
    }

    /** What the delivery emitted; null if nothing. */
    private static Object delivered(PushHandler handler, GivenTask task) {
        return handler.handle(task).block(PATIENCE);
    }

    /** The URL of a server that answers each request on a connection, which it keeps, with what {@code answer} writes. */
    private String keptServer(Answering answer) throws IOException {
        return served(socket -> {
            while (socket.getInputStream().read(new byte[8192]) > 0) {
                answer.to(socket.getOutputStream());
            }
        });
    }

    /** The URL of a server that reads a request, sends these bytes and hangs up, every time. */
    private String bareServer(String answer) throws IOException {
        return served(socket -> {
            socket.getInputStream().read(new byte[8192]);
            socket.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
        });
    }

    /** The URL of a server that reads a request, sends these bytes and then nothing, but does not hang up. */
    private String silentServer(String answer) throws IOException {
        return served(socket -> {
            socket.getInputStream().read(new byte[8192]);
            socket.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
            socket.getInputStream().read(); // until the client hangs up
        });
    }

    /** How a delivery ends, soon, that is answered so by a server which then hangs, or hangs up. */
    private Object refused(String answer, boolean hangs) throws IOException {
        String bytes = "HTTP/1.1 " + answer;
        PushHandler handler = handler(
                PushTarget.to(hangs ? silentServer(bytes) : bareServer(bytes)).allowPrivate("127.0.0.1"));
        return handler.handle(TASK).block(Duration.ofSeconds(5));
    }

    private String served(Serving serving) throws IOException {
        ServerSocket listening = new ServerSocket(0);
        opened.add(listening);
        Thread server = new Thread(() -> {
            while (!listening.isClosed()) {
                try (Socket socket = listening.accept()) {
                    serving.on(socket);
                } catch (IOException ended) {
                    // the client, or the test
                }
            }
        });
        server.setDaemon(true);
        server.start();
        return "http://127.0.0.1:" + listening.getLocalPort() + "/";
    }

    private interface Serving {
        void on(Socket socket) throws IOException;
    }

    private interface Answering {
        void to(OutputStream answer) throws IOException;
    }
}
