package dev.sluice.http;

import dev.sluice.Sluice;
import dev.sluice.client.TaskClient;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** Look at queues, and open or close their doors. */
final class QueueRoutes {
    static final Set<String> PARAMETERS_OF_LIST = Set.of("cursor");

    private final Sluice sluice;
    private final KnownQueues queues;

    QueueRoutes(Sluice sluice, KnownQueues queues) {
        this.sluice = sluice;
        this.queues = queues;
    }

    Mono<Answer> list(Call call) {
        return sluice.queues(call.target().parameter("cursor"))
                .map(page -> Answer.of(
                        200,
                        new JsonDocument()
                                .put(
                                        "queues",
                                        page.queues().stream()
                                                .map(QueueRoutes::described)
                                                .toList())
                                .put("scanned", page.scanned())
                                .put("cursor", page.cursor())));
    }

    Mono<Answer> look(String queue) {
        return queues.look(queue).map(found -> Answer.of(200, described(found)));
    }

    Mono<Answer> dispatchers(String queue) {
        return queues.find(queue)
                .flatMapMany(parts -> sluice.dispatchers(parts.queue()))
                .map(dispatcher -> new JsonDocument()
                        .put("id", dispatcher.id())
                        .put("leaseMs", dispatcher.leaseLeft().toMillis())
                        .put("running", dispatcher.running()))
                .collectList()
                .map(all -> Answer.of(200, new JsonDocument().put("dispatchers", all)));
    }

    Mono<Answer> turn(String queue, String verb) {
        return queues.find(queue)
                .flatMap(parts -> turned(parts.client(), verb))
                .map(changed ->
                        Answer.of(200, new JsonDocument().put("queue", queue).put("changed", changed)));
    }

    private static Mono<Boolean> turned(TaskClient client, String verb) {
        return switch (verb) {
            case "pause" -> client.pause();
            case "resume" -> client.resume();
            default -> client.drain();
        };
    }

    private static JsonDocument described(QueueInfo info) {
        Queue queue = info.queue();
        return new JsonDocument()
                .put("name", queue.name())
                .put("delivery", queue.delivery().word())
                .put("statusKey", queue.statusKey())
                .put("waiting", info.waiting())
                .put("oldestMs", info.oldest().map(Duration::toMillis).orElse(null))
                .put("delayed", info.delayed())
                .put("running", known(info.running()))
                .put("dead", info.dead())
                .put("cancelled", info.cancelled())
                .put("dispatchers", known(info.dispatchers()))
                .put("paused", info.paused())
                .put("draining", info.draining())
                .put("left", info.left());
    }

    private static @Nullable Long known(OptionalLong count) {
        return count.isPresent() ? count.getAsLong() : null;
    }
}
