package dev.sluice.http;

import dev.sluice.client.QueueEvent;
import dev.sluice.codec.JsonDocument;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** The events of one queue as the text of a stream. For one stream, which calls it one after the other. */
final class EventText {
    static final String TYPE = "text/event-stream";

    /** How often something is sent at least: proxies cut what is silent, and whoever went away is found so. */
    static final Duration BEAT = Duration.ofSeconds(15);

    private static final String A_BEAT = ":\n\n";
    private static final String OVER = ": over\n\n";
    private static final String STOPPED =
            ended(new JsonDocument(), Problem.passing(503, "stopping", "the server stops"));
    private static final int MOST_IN_A_PART = 128;
    private static final Duration COLLECTED_FOR = Duration.ofMillis(20);
    private static final Pattern OWN_ID = Pattern.compile("[0-9]{1,13}");

    private final SharedText shared;
    private final String queue;
    private final boolean ofTask;
    private final @Nullable String last;
    private boolean isBegun;

    /**
     * The text for one who may come again.
     *
     * @param shared what all streams have in common
     * @param ofTask whether it tells of one task only
     * @param last the id of what he was told last; null if he says none
     */
    EventText(SharedText shared, String queue, boolean ofTask, @Nullable String last) {
        this.shared = shared;
        this.queue = queue;
        this.ofTask = ofTask;
        this.last = last;
    }

    /** All of it in parts to send, a beat at first and now and then; it ends when each of {@code queues} has, or at a stop. */
    static Flux<byte[]> parts(List<Flux<String>> queues, Mono<Void> stopping) {
        Flux<String> told =
                Flux.merge(Flux.fromIterable(queues), queues.size(), 1).concatWith(Mono.just(OVER));
        Flux<String> beats =
                Flux.interval(BEAT).onBackpressureDrop().map(tick -> A_BEAT).startWith(A_BEAT);
        return Flux.merge(1, beats, told, stopping.thenReturn(STOPPED))
                .takeUntil(text -> text.equals(OVER) || text.equals(STOPPED))
                .bufferTimeout(MOST_IN_A_PART, COLLECTED_FOR, true)
                .map(texts -> String.join("", texts).getBytes(StandardCharsets.UTF_8));
    }

    String of(QueueEvent event) {
        if (event instanceof QueueEvent.Moved moved) {
            return shared.of(queue, moved);
        } else if (event instanceof QueueEvent.Progressed progressed) {
            return shared.of(queue, progressed);
        } else if (event instanceof QueueEvent.Missed missed) {
            // Of how many of them this task was nobody knows.
            return gap(ofTask ? null : missed.count(), null);
        }
        boolean first = !isBegun;
        isBegun = true;
        if (first && last == null) {
            return SharedText.text("began", null, document());
        }
        return gap(null, first ? timeOfLast() : null);
    }

    String end(Problem problem) {
        return ended(document(), problem);
    }

    private static String ended(JsonDocument document, Problem problem) {
        return SharedText.text("end", null, problem.addTo(document));
    }

    private String gap(@Nullable Long missed, @Nullable Instant after) {
        return SharedText.text("gap", null, document().put("missed", missed).put("after", after));
    }

    private @Nullable Instant timeOfLast() {
        return last != null && OWN_ID.matcher(last).matches() ? Instant.ofEpochMilli(Long.parseLong(last)) : null;
    }

    private JsonDocument document() {
        return new JsonDocument().put("queue", queue);
    }
}
