package dev.sluice.http;

import dev.sluice.client.QueueEvent;
import dev.sluice.codec.JsonDocument;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The text of what happens to tasks, which many streams tell: made for the first of them, and kept for the others, who come to
 * the same event soon after. One of them that is far behind may have it made anew.
 *
 * <p>Thread-safe. Keeps as many events as may wait for one listener, and nothing waits for it.
 */
final class SharedText {
    private static final int KEPT = 4_096;

    private final AtomicReferenceArray<@Nullable Kept> kept = new AtomicReferenceArray<>(KEPT);

    String of(String queue, QueueEvent.Moved event) {
        return of(
                event,
                () -> text(
                        "moved",
                        idOf(event.at()),
                        new JsonDocument()
                                .put("queue", queue)
                                .put("id", event.id())
                                .put("state", event.state().word())
                                .put("at", event.at())));
    }

    String of(String queue, QueueEvent.Progressed event) {
        return of(
                event,
                () -> text(
                        "progress",
                        idOf(event.at()),
                        new JsonDocument()
                                .put("queue", queue)
                                .put("id", event.id())
                                .put("percent", event.percent())
                                .put("text", event.text())
                                .put("at", event.at())));
    }

    /** By the object itself: all who listen to a queue are given the same, and an equal one may be another queue's. */
    private String of(QueueEvent event, Supplier<String> made) {
        int place = Math.floorMod(event.hashCode(), KEPT);
        Kept there = kept.get(place);
        if (there != null && there.event == event) {
            return there.text;
        }
        String text = made.get();
        kept.set(place, new Kept(event, text));
        return text;
    }

    static String text(String name, @Nullable String id, JsonDocument data) {
        return (id == null ? "" : "id: " + id + "\n") + "event: " + name + "\ndata: " + data + "\n\n";
    }

    private static String idOf(Instant at) {
        return Long.toString(at.toEpochMilli());
    }

    private record Kept(QueueEvent event, String text) {}
}
