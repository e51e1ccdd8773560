package dev.sluice.http;

import dev.sluice.client.Schedules;
import dev.sluice.codec.JsonDocument;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Timing;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.time.Duration;
import reactor.core.publisher.Mono;

/** Look at schedules, halt them, have one make its task now, remove them. */
final class ScheduleRoutes {
    private final KnownQueues queues;

    ScheduleRoutes(KnownQueues queues) {
        this.queues = queues;
    }

    Mono<Answer> list(Call call, String queue) {
        call.target().checkHasNoParameters();
        return schedules(queue)
                .flatMapMany(Schedules::all)
                .map(ScheduleRoutes::described)
                .collectList()
                .map(all -> Answer.of(200, new JsonDocument().put("schedules", all)));
    }

    Mono<Answer> show(String queue, String name) {
        return schedules(queue)
                .flatMap(schedules -> schedules.find(name))
                .map(found -> Answer.of(200, described(found)))
                .switchIfEmpty(Mono.error(() -> unknown(name)));
    }

    Mono<Answer> remove(String queue, String name) {
        return schedules(queue)
                .flatMap(schedules -> schedules.remove(name))
                .filter(Boolean::booleanValue)
                .map(removed -> changed(queue, name, removed))
                .switchIfEmpty(Mono.error(() -> unknown(name)));
    }

    Mono<Answer> act(String queue, String name, String verb) {
        return schedules(queue)
                .flatMap(schedules -> switch (verb) {
                    case "pause" -> schedules.pause(name).map(changed -> changed(queue, name, changed));
                    case "resume" -> schedules.resume(name).map(changed -> changed(queue, name, changed));
                    default -> schedules.trigger(name).map(id -> triggered(queue, id));
                })
                .switchIfEmpty(Mono.error(() -> unknown(name)));
    }

    private Mono<Schedules> schedules(String queue) {
        return queues.find(queue).map(KnownQueues.Parts::schedules);
    }

    private static Answer changed(String queue, String name, boolean changed) {
        return Answer.of(
                200,
                new JsonDocument().put("queue", queue).put("schedule", name).put("changed", changed));
    }

    private static Answer triggered(String queue, String id) {
        return Answer.of(
                        201,
                        new JsonDocument().put("id", id).put("queue", queue).put("outcome", "created"))
                .header(HttpHeaderNames.LOCATION, TaskRoutes.location(queue, id));
    }

    private static JsonDocument described(ScheduleInfo schedule) {
        Timing timing = schedule.timing();
        Duration rate = timing.rate();
        return new JsonDocument()
                .put("name", schedule.name())
                .put("type", schedule.type())
                .put("cron", timing.cron())
                .put("zone", timing.cron() == null ? null : timing.zone().getId())
                .put("everyMs", rate == null ? null : rate.toMillis())
                .put("misfire", schedule.misfire())
                .put("overlap", schedule.overlap().word())
                .put("origin", schedule.origin())
                .put("paused", schedule.paused())
                .put("next", schedule.next())
                .put("last", schedule.last());
    }

    private static Problem unknown(String name) {
        return Problem.of(404, "schedule-unknown", "the queue has no schedule of this name")
                .fact("schedule", name);
    }
}
