package dev.sluice.http;

import dev.sluice.client.Schedules;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.codec.JsonDocument;
import dev.sluice.codec.ScheduleForm;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.ScheduleChange;
import dev.sluice.task.ScheduleInfo;
import dev.sluice.task.Timing;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import reactor.core.publisher.Mono;

/** Look at schedules, declare them, halt them, have one make its task now, remove them. */
final class ScheduleRoutes {
    static final Set<String> PARAMETERS_OF_LIST = Set.of("cursor", "limit");

    private static final List<CharSequence> OTHER_PRECONDITIONS =
            List.of(HttpHeaderNames.IF_MATCH, HttpHeaderNames.IF_UNMODIFIED_SINCE);
    private static final String ORIGIN = "http";

    private final KnownQueues queues;
    private final int maxBody;

    ScheduleRoutes(KnownQueues queues, int maxBody) {
        this.queues = queues;
        this.maxBody = maxBody;
    }

    Mono<Answer> list(Call call, String queue) {
        String cursor = call.target().parameter("cursor");
        int limit = Limit.of(call.target());
        return schedules(queue)
                .flatMap(schedules -> schedules.page(cursor, limit))
                .map(page -> Answer.of(
                        200,
                        new JsonDocument()
                                .put(
                                        "schedules",
                                        page.schedules().stream()
                                                .map(ScheduleRoutes::described)
                                                .toList())
                                .put("scanned", page.scanned())
                                .put("cursor", page.cursor())));
    }

    Mono<Answer> show(String queue, String name) {
        return told(schedules(queue)
                .flatMap(schedules -> schedules.find(name))
                .map(found -> Answer.of(200, described(found)))
                .switchIfEmpty(Mono.error(() -> unknown(name))));
    }

    /** Says the same when it is repeated, but that what was created or updated is unchanged then. */
    Mono<Answer> put(Call call, String queue, String name) {
        call.checkContent(Answer.JSON);
        boolean replaces = replaces(call);
        return told(call.body(maxBody)
                .map(body -> ScheduleForm.read(name, body, 0, body.length))
                .onErrorMap(EnvelopeException.class, ScheduleRoutes::malformed)
                .flatMap(schedule -> schedules(queue)
                        .map(all -> all.origin(ORIGIN))
                        .flatMap(all -> replaces ? all.put(schedule) : all.create(schedule)))
                .map(change -> declared(queue, change)));
    }

    Mono<Answer> remove(String queue, String name) {
        return told(schedules(queue)
                .flatMap(schedules -> schedules.remove(name))
                .filter(Boolean::booleanValue)
                .map(removed -> changed(queue, name, removed))
                .switchIfEmpty(Mono.error(() -> unknown(name))));
    }

    Mono<Answer> act(String queue, String name, String verb) {
        return told(schedules(queue)
                .flatMap(schedules -> switch (verb) {
                    case "pause" -> schedules.pause(name).map(changed -> changed(queue, name, changed));
                    case "resume" -> schedules.resume(name).map(changed -> changed(queue, name, changed));
                    default -> schedules.trigger(name).map(id -> triggered(queue, id));
                })
                .switchIfEmpty(Mono.error(() -> unknown(name))));
    }

    private Mono<Schedules> schedules(String queue) {
        return queues.find(queue).map(KnownQueues.Parts::schedules);
    }

    /** The same problem of a schedule, not of a task. */
    private static <T> Mono<T> told(Mono<T> answer) {
        return answer.onErrorMap(
                InvalidTaskException.class,
                bad -> bad.field().equals("queue")
                        ? bad
                        : Problem.of(400, "invalid-schedule", String.valueOf(bad.getMessage()))
                                .fact("field", bad.field()));
    }

    /** Whether another of the name is to give way: unless the request is made only for the case that there is none. */
    private static boolean replaces(Call call) {
        List<String> noneOf = call.headers().getAll(HttpHeaderNames.IF_NONE_MATCH);
        if (OTHER_PRECONDITIONS.stream().anyMatch(call.headers()::contains)
                || !(noneOf.isEmpty() || noneOf.equals(List.of("*")))) {
            throw Problem.of(400, "bad-precondition", "the only precondition known here is If-None-Match: *");
        }
        return noneOf.isEmpty();
    }

    private static Problem malformed(EnvelopeException unreadable) {
        String code = unreadable.reason().equals("beyond-limits") ? "invalid-schedule" : "malformed-json";
        return Problem.of(400, code, String.valueOf(unreadable.getMessage()).replace("the element", "the schedule"));
    }

    private static Answer declared(String queue, ScheduleChange change) {
        boolean created = change.outcome() == ScheduleChange.Outcome.CREATED;
        Answer answer = Answer.of(
                created ? 201 : 200,
                new JsonDocument()
                        .put("queue", queue)
                        .put("schedule", change.name())
                        .put("outcome", change.outcome().name().toLowerCase(Locale.ROOT))
                        .put("before", change.before()));
        return created
                ? answer.header(HttpHeaderNames.LOCATION, Target.path(queue, "schedules", change.name()))
                : answer;
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
                .header(HttpHeaderNames.LOCATION, Target.path(queue, "tasks", id));
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
