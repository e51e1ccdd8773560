package dev.sluice.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.QueueEvent;
import dev.sluice.task.TaskState;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;
import reactor.test.StepVerifier;

class EventTextTest {
    private static final Duration BEAT = EventText.BEAT;

    @Test
    void whatIsSilentBeats() {
        StepVerifier.withVirtualTime(() -> text(Flux.never()).take(3))
                .thenAwait(Duration.ofSeconds(1))
                .expectNext(":\n\n")
                .thenAwait(BEAT)
                .expectNext(":\n\n")
                .thenAwait(BEAT)
                .expectNext(":\n\n")
                .verifyComplete();
    }

    @Test
    void beatsThatNobodyTakesAreNotKept() {
        AtomicInteger bytes = new AtomicInteger();

        StepVerifier.withVirtualTime(() -> text(Flux.never()).doOnNext(part -> bytes.addAndGet(part.length())), 1)
                .thenAwait(Duration.ofSeconds(1))
                .expectNext(":\n\n")
                .thenAwait(BEAT.multipliedBy(10_000))
                .thenRequest(1_000)
                .thenAwait(Duration.ofSeconds(1))
                .thenCancel()
                .verify();

        assertThat(bytes).hasValueLessThan(3_000);
    }

    @Test
    void whatComesTogetherIsOnePart() {
        Flux<String> events = Flux.range(0, 300).map(i -> i + ";").concatWith(Flux.never());

        StepVerifier.withVirtualTime(() -> text(events).take(3))
                .thenAwait(Duration.ofSeconds(1))
                .expectNextCount(3) // of at most 128
                .verifyComplete();
    }

    @Test
    void aGapIsToldAndANewListenerBegins() {
        EventText fresh = new EventText(new SharedText(), "q", false, null);
        EventText again = new EventText(new SharedText(), "q", true, "1000");

        assertThat(fresh.of(new QueueEvent.Began())).isEqualTo("event: began\ndata: {\"queue\":\"q\"}\n\n");
        assertThat(fresh.of(new QueueEvent.Began()))
                .isEqualTo("event: gap\ndata: {\"queue\":\"q\",\"missed\":null,\"after\":null}\n\n");
        assertThat(fresh.of(new QueueEvent.Missed(7))).contains("\"missed\":7,");
        assertThat(again.of(new QueueEvent.Began())).contains("gap", "\"after\":\"1970-01-01T00:00:01Z\"");
        assertThat(again.of(new QueueEvent.Missed(7))).contains("\"missed\":null,");
        assertThat(again.of(new QueueEvent.Moved("a\u2028b", TaskState.DEAD, Instant.ofEpochMilli(5))))
                .startsWith("id: 5\nevent: moved\ndata: {")
                .endsWith("\"state\":\"dead\",\"at\":\"1970-01-01T00:00:00.005Z\"}\n\n");
        assertThat(fresh.of(new QueueEvent.Progressed("a", 40, "half\"", Instant.ofEpochMilli(6))))
                .isEqualTo("id: 6\nevent: progress\ndata: {\"queue\":\"q\",\"id\":\"a\",\"percent\":40,"
                        + "\"text\":\"half\\\"\",\"at\":\"1970-01-01T00:00:00.006Z\"}\n\n");
    }

    @Test
    void oneTextIsMadeForAllWhoTellTheSame() {
        SharedText shared = new SharedText();
        EventText one = new EventText(shared, "q", false, null);
        EventText other = new EventText(shared, "q", true, "1000");
        EventText ofAnotherQueue = new EventText(shared, "p", false, null);
        var moved = new QueueEvent.Moved("a", TaskState.QUEUED, Instant.EPOCH);
        var equal = new QueueEvent.Moved("a", TaskState.QUEUED, Instant.EPOCH);
        var progressed = new QueueEvent.Progressed("a", 1, "", Instant.EPOCH);

        String text = one.of(moved);

        assertThat(other.of(moved)).isSameAs(text);
        assertThat(other.of(progressed)).isSameAs(one.of(progressed)).startsWith("id: 0\nevent: progress\n");
        assertThat(ofAnotherQueue.of(equal)).isEqualTo(text.replace("\"q\"", "\"p\""));
        assertThat(one.of(moved)).isEqualTo(text);
    }

    @Test
    void whoIsFarBehindIsToldTheSame() {
        SharedText shared = new SharedText();
        List<QueueEvent> events = IntStream.range(0, 10_000)
                .<QueueEvent>mapToObj(i -> new QueueEvent.Moved("t" + i, TaskState.QUEUED, Instant.EPOCH))
                .toList();
        EventText ahead = new EventText(shared, "q", false, null);
        EventText behind = new EventText(shared, "q", false, null);
        List<String> texts = events.stream().map(ahead::of).toList();

        assertThat(events.stream().map(behind::of).toList()).isEqualTo(texts);
        assertThat(texts).doesNotHaveDuplicates();
    }

    @Test
    void aStopEndsItAndSoDoesTheEndOfAllQueues() {
        Sinks.Empty<Void> stopping = Sinks.empty();
        AtomicBoolean left = new AtomicBoolean();
        Flux<String> queue = Flux.<String>never().doOnCancel(() -> left.set(true));

        StepVerifier.create(EventText.parts(List.of(queue), stopping.asMono()).map(part -> new String(part, UTF_8)))
                .expectNext(":\n\n")
                .then(stopping::tryEmitEmpty)
                .expectNextMatches(text -> text.startsWith("event: end\ndata: {\"code\":\"stopping\""))
                .verifyComplete();
        assertThat(left).isTrue();
        StepVerifier.create(text(Flux.just("a", "b")).skipUntil(part -> part.endsWith("ab: over\n\n")))
                .expectNextCount(1)
                .verifyComplete();
    }

    private static Flux<String> text(Flux<String> events) {
        return EventText.parts(List.of(events), Mono.never()).map(part -> new String(part, UTF_8));
    }
}
