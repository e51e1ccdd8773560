package dev.sluice.push;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeliveryHeadersTest {
    private static final String TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private static final byte[] BODY = "null".getBytes(StandardCharsets.UTF_8);

    @Test
    void theySayWhatTheTaskIs() {
        HttpHeaders headers = headersOf(GivenTask.of("report-7"));

        assertThat(headers.entries().stream().map(it -> Map.entry(it.getKey(), it.getValue())))
                .containsExactlyInAnyOrder(
                        Map.entry("content-type", "application/json"),
                        Map.entry("user-agent", "Sluice"),
                        Map.entry("ce-specversion", "1.0"),
                        Map.entry("ce-id", "report-7"),
                        Map.entry("ce-source", "/queues/reports"),
                        Map.entry("ce-type", "report.build"),
                        Map.entry("ce-attempt", "2"),
                        Map.entry("ce-maxattempts", "5"),
                        Map.entry("ce-fencingnumber", "7"),
                        Map.entry("ce-remainingms", "30000"),
                        Map.entry("webhook-id", "report-7"),
                        Map.entry("webhook-timestamp", "1764000000"));
    }

    @Test
    void whatIsNotVisibleAsciiIsWrittenAsItsBytes() {
        HttpHeaders headers = headersOf(GivenTask.of("任务 \"50%\"\r\nx-evil: 1").ofType("a\u0000b"));

        assertThat(headers.get("ce-id"))
                .isEqualTo("%E4%BB%BB%E5%8A%A1%20%2250%25%22%0D%0Ax-evil:%201")
                .isEqualTo(headers.get("webhook-id"));
        assertThat(headers.get("ce-type")).isEqualTo("a%00b");
        assertThat(headers.contains("x-evil")).isFalse();
    }

    // Id, time and body are signed as one text, joined by full stops.
    @Test
    void theSignedIdHasNoFullStop() {
        HttpHeaders headers = headersOf(GivenTask.of("a.1764000000.b"));

        assertThat(headers.get("webhook-id")).isEqualTo("a%2E1764000000%2Eb");
        assertThat(headers.get("ce-id")).isEqualTo("a.1764000000.b");
    }

    // What any client may push, where a plain type takes it.
    @Test
    void aBodyThatIsNotJsonIsNotCalledSo() {
        assertThat(contentType("{\"a\":1}".getBytes(StandardCharsets.UTF_8))).isEqualTo("application/json");
        assertThat(contentType(" [1, 2]\n".getBytes(StandardCharsets.UTF_8))).isEqualTo("application/json");
        assertThat(contentType("hello Zürich".getBytes(StandardCharsets.UTF_8))).isEqualTo("text/plain; charset=utf-8");
        assertThat(contentType("{\"a\":".getBytes(StandardCharsets.UTF_8))).isEqualTo("text/plain; charset=utf-8");
        assertThat(contentType(new byte[0])).isEqualTo("text/plain; charset=utf-8");
        assertThat(contentType(new byte[] {1, (byte) 0xFF, 0})).isEqualTo("application/octet-stream");
    }

    @Test
    void theTraceGoesOn() {
        HttpHeaders headers =
                headersOf(GivenTask.of("a").with(Map.of("traceparent", TRACE, "tracestate", "vendor=opaque,other=1")));

        assertThat(headers.get("traceparent")).isEqualTo(TRACE);
        assertThat(headers.get("tracestate")).isEqualTo("vendor=opaque,other=1");
        assertThat(headers.names()).noneMatch(name -> name.startsWith("task-"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "00-1-2-3",
                TRACE + "\r\nx-evil: 1",
                "x" + TRACE,
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"
            })
    void whatIsNoTraceDoesNot(String parent) {
        HttpHeaders headers =
                headersOf(GivenTask.of("a").with(Map.of("traceparent", parent, "tracestate", "vendor=opaque")));

        assertThat(headers.contains("traceparent")).isFalse();
        assertThat(headers.contains("tracestate")).isFalse();
        assertThat(headers.contains("x-evil")).isFalse();
    }

    @Test
    void headersOfTheTaskTakeNobodysPlace() {
        Map<String, String> hostile = new LinkedHashMap<>();
        hostile.put("tenant", "Zürich\r\nx-evil: 1");
        hostile.put("Host", "elsewhere");
        hostile.put("content-length", "0");
        hostile.put("webhook-signature", "v1,forged");
        hostile.put("x: y\r\nx-evil", "1");
        hostile.put("two words", "1");
        hostile.put("名", "1");

        HttpHeaders headers = headersOf(GivenTask.of("a").with(hostile));

        assertThat(headers.names().stream().filter(name -> name.startsWith("task-")))
                .containsExactlyInAnyOrder("task-tenant", "task-Host", "task-content-length", "task-webhook-signature");
        assertThat(headers.get("task-tenant")).isEqualTo("Z%C3%BCrich%0D%0Ax-evil:%201");
        assertThat(headers.contains("webhook-signature")).isFalse();
        assertThat(headers.contains("x-evil")).isFalse();
    }

    private static String contentType(byte[] body) {
        return headersOf(GivenTask.of("a"), body).get("content-type");
    }

    private static HttpHeaders headersOf(GivenTask task) {
        return headersOf(task, BODY);
    }

    private static HttpHeaders headersOf(GivenTask task, byte[] body) {
        return DeliveryHeaders.of(task, List.of(), body, Instant.ofEpochSecond(1_764_000_000));
    }
}
