package dev.sluice.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Which request is answered how, and who may send it. */
final class Routes {
    private static final Set<Role> READER = Set.of(Role.READ);
    private static final Set<Role> PRODUCER = Set.of(Role.PRODUCE);
    private static final Set<Role> EITHER = Set.of(Role.READ, Role.PRODUCE);
    private static final Set<Role> OPERATOR = Set.of(Role.OPERATE);
    private static final Set<String> DOORS = Set.of("pause", "resume", "drain");
    private static final Set<String> REDRIVE = Set.of("redrive");
    private static final Set<String> RETRY = Set.of("retry");
    private static final Set<String> OF_A_SCHEDULE = Set.of("pause", "resume", "trigger");

    private final ProbeRoutes probes;
    private final QueueRoutes queues;
    private final TaskRoutes tasks;
    private final BatchRoute batch;
    private final DeadLetterRoutes dead;
    private final EventRoutes events;
    private final ScheduleRoutes schedules;

    Routes(
            ProbeRoutes probes,
            QueueRoutes queues,
            TaskRoutes tasks,
            BatchRoute batch,
            DeadLetterRoutes dead,
            EventRoutes events,
            ScheduleRoutes schedules) {
        this.probes = probes;
        this.queues = queues;
        this.tasks = tasks;
        this.batch = batch;
        this.dead = dead;
        this.events = events;
        this.schedules = schedules;
    }

    /** Throws a {@link Problem} if there is no such place, or nothing to be done there with that method. */
    Match find(Target target, HttpMethod method) {
        Map<HttpMethod, Match> here = here(target, method);
        Match match = here.get(method);
        if (match == null && here.isEmpty()) {
            throw Problem.of(404, "not-found", "there is nothing here; /openapi.yaml says what there is");
        }
        if (match == null) {
            String allowed =
                    here.keySet().stream().map(HttpMethod::name).sorted().collect(Collectors.joining(", "));
            throw Problem.of(405, "method-not-allowed", "what can be done here is " + allowed)
                    .header(HttpHeaderNames.ALLOW, allowed);
        }
        return match;
    }

    boolean isPlace(Target target) {
        return !here(target, HttpMethod.GET).isEmpty()
                || !here(target, HttpMethod.POST).isEmpty();
    }

    private Map<HttpMethod, Match> here(Target target, HttpMethod method) {
        if (target.size() == 1) {
            return probe(target.segment(0));
        }
        if (!target.segment(0).equals("v1")) {
            return Map.of();
        }
        return switch (target.segment(1)) {
            case "queues" -> ofQueues(target, method);
            case "events" -> target.size() == 2 ? stream(events::ofAll) : Map.of();
            default -> Map.of();
        };
    }

    private Map<HttpMethod, Match> ofQueues(Target target, HttpMethod method) {
        return switch (target.size()) {
            case 2 -> get(READER, QueueRoutes.PARAMETERS_OF_LIST, queues::list);
            case 3 -> queue(target, method);
            case 4 -> part(target.segment(2), target.segment(3));
            case 5 -> one(target, method, target.segment(2));
            case 6 -> aspect(target);
            default -> Map.of();
        };
    }

    private Map<HttpMethod, Match> probe(String name) {
        return switch (name) {
            case "livez" -> get(null, call -> ProbeRoutes.alive());
            case "readyz" -> get(null, call -> probes.ready());
            case "openapi.yaml" -> get(null, call -> ProbeRoutes.description());
            case "metrics" -> probes.hasMetrics() ? get(READER, call -> probes.metrics()) : Map.of();
            default -> Map.of();
        };
    }

    // A name may hold a colon: only where a verb can be, what is behind the last one is the verb.
    private Map<HttpMethod, Match> queue(Target target, HttpMethod method) {
        String verb = method.equals(HttpMethod.POST) ? target.verb(DOORS) : null;
        return verb != null
                ? on(HttpMethod.POST, OPERATOR, call -> queues.turn(target.beforeVerb(2), verb))
                : get(READER, call -> queues.look(target.segment(2)));
    }

    private Map<HttpMethod, Match> part(String queue, String part) {
        return switch (part) {
            case "tasks" ->
                withBody(
                        HttpMethod.POST,
                        PRODUCER,
                        Waits.PARAMETERS,
                        Route.answering(call -> tasks.enqueue(call, queue)));
            case "tasks:batch" ->
                withBody(HttpMethod.POST, PRODUCER, Set.of(), (call, response) -> batch.serve(call, response, queue));
            case "events" -> stream((call, response) -> events.ofQueue(call, response, queue));
            case "dispatchers" -> get(READER, call -> queues.dispatchers(queue));
            case "schedules" -> get(READER, ScheduleRoutes.PARAMETERS_OF_LIST, call -> schedules.list(call, queue));
            case "dead-letters" -> get(READER, DeadLetterRoutes.PARAMETERS_OF_LIST, call -> dead.list(call, queue));
            case "dead-letters:redrive", "dead-letters:purge" -> {
                String verb = part.substring(part.indexOf(':') + 1);
                yield on(
                        HttpMethod.POST,
                        OPERATOR,
                        DeadLetterRoutes.PARAMETERS_OF_MANY,
                        call -> dead.many(call, queue, verb));
            }
            default -> Map.of();
        };
    }

    private Map<HttpMethod, Match> one(Target target, HttpMethod method, String queue) {
        String id = target.segment(4);
        return switch (target.segment(3)) {
            case "tasks" ->
                method.equals(HttpMethod.POST) && target.verb(RETRY) != null
                        ? on(HttpMethod.POST, OPERATOR, call -> dead.redrive(queue, target.beforeVerb(4)))
                        : both(
                                get(EITHER, Waits.PARAMETERS, call -> tasks.look(call, queue, id)),
                                on(HttpMethod.DELETE, OPERATOR, call -> tasks.cancel(queue, id)));
            case "dead-letters" ->
                method.equals(HttpMethod.POST) && target.verb(REDRIVE) != null
                        ? on(HttpMethod.POST, OPERATOR, call -> dead.redrive(queue, target.beforeVerb(4)))
                        : both(
                                get(READER, call -> dead.show(queue, id)),
                                on(HttpMethod.DELETE, OPERATOR, call -> dead.purge(queue, id)));
            case "schedules" -> schedule(target, method, queue, id);
            default -> Map.of();
        };
    }

    private Map<HttpMethod, Match> schedule(Target target, HttpMethod method, String queue, String name) {
        String verb = method.equals(HttpMethod.POST) ? target.verb(OF_A_SCHEDULE) : null;
        return verb != null
                ? on(HttpMethod.POST, OPERATOR, call -> schedules.act(queue, target.beforeVerb(4), verb))
                : both(
                        get(READER, call -> schedules.show(queue, name)),
                        both(
                                withBody(
                                        HttpMethod.PUT,
                                        OPERATOR,
                                        Set.of(),
                                        Route.answering(call -> schedules.put(call, queue, name))),
                                on(HttpMethod.DELETE, OPERATOR, call -> schedules.remove(queue, name))));
    }

    private Map<HttpMethod, Match> aspect(Target target) {
        String queue = target.segment(2);
        String id = target.segment(4);
        return target.segment(3).equals("tasks") && target.segment(5).equals("events")
                ? stream((call, response) -> events.ofTask(call, response, queue, id))
                : Map.of();
    }

    private static Map<HttpMethod, Match> stream(Route route) {
        return Map.of(HttpMethod.GET, new Match(route, READER, Set.of(), false));
    }

    private static Map<HttpMethod, Match> get(@Nullable Set<Role> enough, Route.Handler handler) {
        return get(enough, Set.of(), handler);
    }

    private static Map<HttpMethod, Match> get(
            @Nullable Set<Role> enough, Set<String> parameters, Route.Handler handler) {
        return on(HttpMethod.GET, enough, parameters, handler);
    }

    private static Map<HttpMethod, Match> on(HttpMethod method, Set<Role> enough, Route.Handler handler) {
        return on(method, enough, Set.of(), handler);
    }

    private static Map<HttpMethod, Match> on(
            HttpMethod method, @Nullable Set<Role> enough, Set<String> parameters, Route.Handler handler) {
        return Map.of(method, new Match(Route.answering(handler), enough, parameters, false));
    }

    private static Map<HttpMethod, Match> withBody(
            HttpMethod method, Set<Role> enough, Set<String> parameters, Route route) {
        return Map.of(method, new Match(route, enough, parameters, true));
    }

    private static Map<HttpMethod, Match> both(Map<HttpMethod, Match> one, Map<HttpMethod, Match> other) {
        Map<HttpMethod, Match> both = new LinkedHashMap<>(one);
        both.putAll(other);
        return both;
    }

    /**
     * A place and a method.
     *
     * @param enough the roles of which one is needed; null = everybody may, and whatever else is asked is passed over
     * @param parameters those that are known here: any other is refused, for it may be the rest of an id
     * @param takesBody whether a body is read: else any is refused, for it may say what is meant
     */
    record Match(Route route, @Nullable Set<Role> enough, Set<String> parameters, boolean takesBody) {}
}
