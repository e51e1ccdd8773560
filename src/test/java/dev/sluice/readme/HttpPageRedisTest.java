package dev.sluice.readme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.http.HttpApi;
import dev.sluice.http.HttpListener;
import dev.sluice.http.Role;
import dev.sluice.observe.PrometheusMeters;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import reactor.core.publisher.Mono;

/** Sends what {@code src/docs/http.md} shows behind a prompt, and holds the answers against the page. */
@OnEveryRedis
@Timeout(60)
class HttpPageRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final Markdown PAGE = Markdown.read("src/docs/http.md");
    private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");

    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void eachRequestIsAnsweredAsThePageShows(RedisServer redis) throws Exception {
        Sluice sluice = Sluice.connect(redis.uri());
        Queue queue = Queue.named("task_queue").statusKey("task_status");
        HttpListener listener = HttpApi.over(sluice)
                .queue(queue)
                .build()
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), false)
                .block(SOON);
        int requests = 0;
        try {
            for (String block : PAGE.blocksIn("console")) {
                for (String example : block.substring(2).split("\n\\$ ", -1)) {
                    String[] parts = example.split("\n", 2);
                    requests++;
                    assertThat(ageless(answer(parts[0], listener.address().getPort())
                                    .strip()))
                            .as(parts[0])
                            .isEqualTo(ageless(parts[1].strip()));
                }
            }
        } finally {
            listener.stop(Duration.ZERO).block(SOON);
            sluice.close().block(SOON);
        }
        assertThat(requests).isEqualTo(13);
    }

    @Test
    void whoWaitsOrListensIsAnsweredAsThePageShows(RedisServer redis) throws Exception {
        Sluice sluice = Sluice.connect(redis.uri());
        Queue queue = Queue.named("task_queue").statusKey("task_status");
        Dispatcher dispatcher =
                sluice.dispatcher(queue).handler("echo", Object.class, task -> Mono.just(task.payload()));
        dispatcher.start().block(SOON);
        HttpListener listener = HttpApi.over(sluice)
                .queue(queue)
                .build()
                .listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), false)
                .block(SOON);
        int port = listener.address().getPort();
        try {
            List<String> blocks = PAGE.blocksIn("text");
            assertThat(blocks).hasSize(2);
            for (String example : blocks.get(0).substring(2).split("\n\\$ ", -1)) {
                String[] parts = example.split("\n", 2);
                assertThat(timeless(answer(parts[0], port).strip()))
                        .as(parts[0])
                        .isEqualTo(timeless(parts[1].strip()));
            }
            assertThat(timeless(heard(port)))
                    .isEqualTo(timeless(blocks.get(1).split("\n", 2)[1].strip()));
        } finally {
            listener.stop(Duration.ZERO).block(SOON);
            dispatcher.stop(Duration.ZERO).block(SOON);
            sluice.close().block(SOON);
        }
    }

    /** What a stream tells up to the first move. */
    private String heard(int port) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + port + "/v1/queues/task_queue/events"))
                .build();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                client.send(request, BodyHandlers.ofInputStream()).body(), StandardCharsets.UTF_8))) {
            StringBuilder text = new StringBuilder();
            while (!text.toString().contains("event: moved\ndata: ")) {
                String line = lines.readLine();
                text.append(line).append('\n');
                if (line.contains("data: {\"queue\":\"task_queue\"}")) {
                    answer(
                            "curl localhost:8080/v1/queues/task_queue/tasks -H 'Content-Type: application/json'"
                                    + " -d '{\"id\":\"mail-1\",\"type\":\"echo\"}'",
                            port);
                }
            }
            return text.toString().strip();
        }
    }

    private static String ageless(String text) {
        return text.replaceAll("\"oldestMs\":[0-9]+", "…");
    }

    private static String timeless(String text) {
        return text.replaceAll("At\":\"[^\"]*\"|at\":\"[^\"]*\"|Ms\":[0-9]+|id: [0-9]{13}", "…");
    }

    @Test
    void theProgramListens(RedisServer redis) throws Exception {
        String uri = redis.uri();
        String token = "a-token-of-a-producer";
        String otherToken = "a-token-of-a-reader";
        // page
        PrometheusMeters meters = PrometheusMeters.create();
        Sluice sluice = Sluice.builder().uri(uri).observer(meters.observer()).build();
        HttpApi api = HttpApi.over(sluice)
                .queue(Queue.named("mails"))
                .token(Role.PRODUCE, token)
                .token(Role.READ, otherToken)
                .metrics(meters::text)
                .build();

        HttpListener listener = api.listen(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), false)
                .block();
        // end
        try {
            int port = listener.address().getPort();
            answer(
                    "curl localhost:8080/v1/queues/mails/tasks -H 'Authorization: Bearer " + token
                            + "' -H 'Content-Type: application/json' -d '{\"type\":\"t\"}'",
                    port);
            assertThat(answer("curl localhost:8080/metrics -H 'Authorization: Bearer " + otherToken + "'", port))
                    .contains("sluice_tasks{queue=\"mails\",state=\"waiting\"} 1.0");
        } finally {
            listener.stop(Duration.ZERO).block(SOON);
            sluice.close().block(SOON);
        }
    }

    @Test
    void theProgramIsThatOfThePage() throws Exception {
        String source = Files.readString(Path.of("src/test/java/dev/sluice/readme/HttpPageRedisTest.java"));
        String run = source.split("// page\n", -1)[1].split(" *// end\n", -1)[0];

        assertThat(PAGE.blocksIn("java"))
                .hasSize(1)
                .allSatisfy(shown -> assertThat(words(run)).isEqualTo(words(shown)));
        assertThat(PAGE.blocksIn("sh"))
                .containsExactly("java -jar target/sluice-server.jar run --http 127.0.0.1:8080\n");
    }

    private static String words(String code) {
        return code.replaceAll("\\s+", "");
    }

    private String answer(String command, int port) throws Exception {
        List<String> words = new ArrayList<>();
        WORD.matcher(command)
                .results()
                .forEach(word -> words.add(word.group(1) == null ? word.group(2) : word.group(1)));
        String method = null;
        String body = null;
        String url = "";
        List<String> headers = new ArrayList<>();
        for (int i = 1; i < words.size(); i++) {
            switch (words.get(i)) {
                case "-X" -> method = words.get(++i);
                case "-d" -> body = words.get(++i);
                case "-H" -> headers.addAll(List.of(words.get(++i).split(": ", 2)));
                default -> url = words.get(i).replace("localhost:8080", "http://127.0.0.1:" + port);
            }
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .timeout(SOON)
                .method(
                        method != null ? method : body != null ? "POST" : "GET",
                        body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
        if (!headers.isEmpty()) {
            request.headers(headers.toArray(String[]::new));
        }
        return client.send(request.build(), BodyHandlers.ofString()).body();
    }
}
