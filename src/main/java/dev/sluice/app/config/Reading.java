package dev.sluice.app.config;

import dev.sluice.dispatch.QueueSettings;
import dev.sluice.http.Role;
import dev.sluice.http.TlsIdentity;
import dev.sluice.push.PushTarget;
import dev.sluice.redis.RedisUrl;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Overlap;
import dev.sluice.task.Queue;
import dev.sluice.task.ResultRetention;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Turns texts into settings: each value by itself first, then what they must be together. */
final class Reading {
    private static final Pattern LOOPBACK = Pattern.compile("localhost|127\\.[0-9.]+|::1");

    private final Map<Key, Given> values;
    private final Map<Scope, Source> scopes;
    private final Problems problems;
    private @Nullable TlsIdentity identity;

    Reading(Map<Key, Given> values, Map<Scope, Source> scopes, Problems problems) {
        this.values = values;
        this.scopes = scopes;
        this.problems = problems;
    }

    /** The settings; throws after everything was looked at. */
    Settings settings() {
        values.forEach(this::check);
        checkData();
        checkHttp();
        checkTls();
        List<Settings.Served> served = new ArrayList<>();
        scopes.forEach((scope, source) -> {
            Settings.Served queue = scope.isQueue() ? served(scope, source) : null;
            if (queue != null) {
                served.add(queue);
            }
        });
        checkKeysDiffer(served);
        Map<String, PushTarget> pushes = new LinkedHashMap<>();
        scopes.forEach((scope, source) -> {
            PushTarget target = scope.isHandler() ? target(scope, source) : null;
            if (target != null) {
                pushes.put(scope.type(), target);
            }
        });
        if (!problems.isEmpty()) {
            throw problems.asException();
        }
        return new Settings(
                of(Catalog.REDIS_URL, Scope.PROGRAM).orElse(null),
                of(Catalog.REDIS_DATA, Scope.PROGRAM).orElse(null),
                of(Catalog.CONNECT_TIMEOUT, Scope.PROGRAM),
                of(Catalog.LEASE, Scope.PROGRAM),
                of(Catalog.CRASH_LIMIT, Scope.PROGRAM),
                of(Catalog.SHUTDOWN_GRACE, Scope.PROGRAM),
                of(Catalog.LOG_FORMAT, Scope.PROGRAM),
                http(),
                served,
                pushes);
    }

    private void check(Key key, Given value) {
        if (isInherited(key)) {
            return; // said of the queue already
        }
        key.setting()
                .kind()
                .objection(value.text())
                .ifPresent(objection -> problems.add(value.source(), key.path(), objection));
    }

    /** Whether a type has it from its queue. */
    private boolean isInherited(Key key) {
        Key ofQueue = new Key(Scope.of(key.scope().queue()), key.setting());
        return key.scope().isType() && given(key.setting(), key.scope()).equals(values.get(ofQueue));
    }

    // Who types --data wants its tasks kept: another Redis would not. In a file it waits for the embedded one.
    private void checkData() {
        Given url = given(Catalog.REDIS_URL, Scope.PROGRAM);
        Given data = given(Catalog.REDIS_DATA, Scope.PROGRAM);
        boolean typed = data.source().equals(Source.flag("--data"));
        if (typed && !data.text().equals(Kind.NONE) && !url.text().equals(Catalog.EMBEDDED)) {
            problems.add(
                    data.source(),
                    "--data belongs to the embedded Redis, but " + url.source() + " says "
                            + RedisUrl.masked(url.text()));
        }
    }

    // Before anything is started: whoever reaches such an address could do everything.
    private void checkHttp() {
        Key bind = Key.of(Catalog.HTTP_BIND);
        List<Setting<?>> all = List.of(
                Catalog.HTTP_BIND,
                Catalog.HTTP_ANONYMOUS,
                Catalog.HTTP_READ,
                Catalog.HTTP_PRODUCE,
                Catalog.HTTP_OPERATE);
        boolean sound = all.stream().allMatch(it -> isSound(Key.of(it), given(it, Scope.PROGRAM)));
        Settings.Http http = sound ? http() : null;
        if (http != null
                && !http.anonymous()
                && http.tokens().values().stream().allMatch(List::isEmpty)
                && !LOOPBACK.matcher(http.bind().getHostString()).matches()) {
            problems.add(
                    given(Catalog.HTTP_BIND, Scope.PROGRAM).source(),
                    bind.path(),
                    "is not this machine's alone, and there is no token: set one of http.tokens, or http.anonymous");
        }
    }

    // Read here, and only where it is used: what is wrong with it is a mistake like any other.
    private void checkTls() {
        Given certificates = given(Catalog.HTTP_CERTIFICATE, Scope.PROGRAM);
        Given key = given(Catalog.HTTP_KEY, Scope.PROGRAM);
        boolean sound = Stream.of(Catalog.HTTP_BIND, Catalog.HTTP_CERTIFICATE, Catalog.HTTP_KEY)
                .allMatch(it -> isSound(Key.of(it), given(it, Scope.PROGRAM)));
        if (!sound || of(Catalog.HTTP_BIND, Scope.PROGRAM).isEmpty()) {
            return;
        }
        Optional<Path> shown = of(Catalog.HTTP_CERTIFICATE, Scope.PROGRAM);
        Optional<Path> secret = of(Catalog.HTTP_KEY, Scope.PROGRAM);
        if (shown.isPresent() != secret.isPresent()) {
            Source one = shown.isPresent() ? certificates.source() : key.source();
            problems.add(one, "http.tls needs both cert-file and key-file");
        } else if (shown.isPresent()) {
            try {
                identity = TlsIdentity.read(shown.get(), secret.orElseThrow());
            } catch (IllegalArgumentException e) {
                problems.add(certificates.source(), "http.tls: " + e.getMessage());
            }
        }
    }

    private Settings.@Nullable Http http() {
        return of(Catalog.HTTP_BIND, Scope.PROGRAM)
                .map(bind -> new Settings.Http(
                        bind,
                        of(Catalog.HTTP_ANONYMOUS, Scope.PROGRAM),
                        Map.of(
                                Role.READ, of(Catalog.HTTP_READ, Scope.PROGRAM),
                                Role.PRODUCE, of(Catalog.HTTP_PRODUCE, Scope.PROGRAM),
                                Role.OPERATE, of(Catalog.HTTP_OPERATE, Scope.PROGRAM)),
                        identity,
                        of(Catalog.HTTP_MAX_QUEUE_LENGTH, Scope.PROGRAM)))
                .orElse(null);
    }

    private Settings.@Nullable Served served(Scope scope, Source source) {
        int before = problems.count();
        Queue queue = queue(scope, source);
        List<Scope> types = scopes.keySet().stream()
                .filter(it -> it.isType() && it.queue().equals(scope.queue()))
                .toList();
        checkRetries(scope);
        types.forEach(this::checkRetries);
        types.forEach(this::checkCallback);
        refuseAtMostOnce(scope, Catalog.OF_RESULTS, "keeps no results");
        boolean sound = values.entrySet().stream()
                .filter(entry -> entry.getKey().scope().queue().equals(scope.queue()))
                .allMatch(entry -> isSound(entry.getKey(), entry.getValue()));
        List<Schedule> schedules = new ArrayList<>();
        scopes.forEach((it, at) -> {
            if (it.isSchedule() && it.queue().equals(scope.queue()) && isSound(it)) {
                schedule(it, at).ifPresent(schedules::add);
            }
        });
        if (queue == null || !sound || problems.count() > before) {
            return null;
        }
        QueueSettings settings = new QueueSettings(
                        of(Catalog.CONCURRENCY, scope),
                        of(Catalog.TIMEOUT, scope),
                        retry(scope),
                        of(Catalog.DEFAULT_TYPE, scope).orElse(null),
                        of(Catalog.PLAIN_TYPE, scope).orElse(null),
                        of(Catalog.FOREIGN, scope),
                        new DeadLetterRetention(
                                of(Catalog.DEAD_LETTERS_COUNT, scope), of(Catalog.DEAD_LETTERS_AGE, scope)))
                .results(new ResultRetention(of(Catalog.RESULTS_AGE, scope), of(Catalog.RESULTS_BYTES, scope)))
                .maxLength(of(Catalog.MAX_LENGTH, scope));
        for (Scope type : types) {
            settings = settings.timeout(type.type(), of(Catalog.TIMEOUT, type)).retry(type.type(), retry(type));
            Optional<String> callback = of(Catalog.CALLBACK, type);
            settings = callback.isEmpty() ? settings : settings.callback(type.type(), callback.get());
        }
        return new Settings.Served(queue, settings, schedules);
    }

    private Optional<Schedule> schedule(Scope scope, Source source) {
        String path = scope.absolute("").replaceFirst("\\.$", "");
        Optional<String> cron = of(Catalog.CRON, scope);
        Optional<Duration> every = of(Catalog.EVERY, scope);
        Optional<String> type = of(Catalog.SCHEDULED_TYPE, scope);
        Source zone = given(Catalog.ZONE, scope).source();
        int before = problems.count();
        if (cron.isPresent() == every.isPresent()) {
            problems.add(source, path, "must have either cron or every");
        }
        if (type.isEmpty()) {
            problems.add(source, path, "must have the type of its tasks");
        }
        if (of(Catalog.OVERLAP, scope) == Overlap.SKIP && isAtMostOnce(scope)) {
            problems.add(
                    given(Catalog.OVERLAP, scope).source(),
                    path + ".overlap",
                    "cannot be skip with delivery at-most-once, where nobody knows whether a task still runs");
        }
        if (every.isPresent() && !zone.equals(Source.DEFAULT)) {
            problems.add(zone, path + ".zone", "has no meaning with every; remove it");
        }
        if (problems.count() > before) {
            return Optional.empty();
        }
        Timing timing =
                every.map(Timing::every).orElseGet(() -> Timing.cron(cron.orElseThrow(), of(Catalog.ZONE, scope)));
        try {
            return Optional.of(Schedule.of(
                            scope.schedule(), timing, Task.of(type.orElseThrow(), of(Catalog.PAYLOAD, scope)))
                    .misfire(of(Catalog.MISFIRE, scope))
                    .overlap(of(Catalog.OVERLAP, scope)));
        } catch (InvalidTaskException e) {
            problems.add(source, path + ": " + e.getMessage());
            return Optional.empty();
        }
    }

    private boolean isSound(Scope scope) {
        return scope.settings().stream().allMatch(setting -> isSound(new Key(scope, setting), given(setting, scope)));
    }

    private @Nullable PushTarget target(Scope scope, Source source) {
        if (Settings.BUILT_IN_TYPES.contains(scope.type())) {
            problems.add(source, "handlers." + scope.type() + ": the type has a handler already, which is built in");
            return null;
        }
        Key urlKey = new Key(scope, Catalog.PUSH_URL);
        if (!Catalog.OF_A_HANDLER.stream()
                .allMatch(setting -> isSound(new Key(scope, setting), given(setting, scope)))) {
            return null;
        }
        Optional<String> url = of(Catalog.PUSH_URL, scope);
        if (url.isEmpty()) {
            problems.add(source, urlKey.path(), "has no value; a handler delivers to it");
            return null;
        }
        PushTarget.Builder target = PushTarget.to(url.get())
                .connections(of(Catalog.PUSH_CONNECTIONS, scope))
                .connectTimeout(of(Catalog.PUSH_CONNECT_TIMEOUT, scope))
                .resultLimit(of(Catalog.PUSH_RESULT_LIMIT, scope));
        of(Catalog.PUSH_SECRETS, scope).forEach(target::secret);
        of(Catalog.PUSH_ALLOW_PRIVATE, scope).forEach(target::allowPrivate);
        of(Catalog.PUSH_DEAD_ON, scope).forEach(status -> target.deadOn(Integer.parseInt(status)));
        try {
            return target.build();
        } catch (IllegalArgumentException notPublic) {
            problems.add(
                    given(Catalog.PUSH_URL, scope).source(),
                    urlKey.path() + ": " + notPublic.getMessage() + ", with push.allow-private");
            return null;
        }
    }

    private RetryPolicy retry(Scope scope) {
        RetryPolicy policy = new RetryPolicy(
                of(Catalog.MAX_ATTEMPTS, scope),
                of(Catalog.BACKOFF_FIRST, scope),
                of(Catalog.BACKOFF_FACTOR, scope),
                of(Catalog.BACKOFF_MAX, scope),
                of(Catalog.BACKOFF_JITTER, scope));
        for (FailureRule rule : of(Catalog.RULES, scope)) {
            policy = rule.addTo(policy);
        }
        return policy;
    }

    private @Nullable Queue queue(Scope scope, Source source) {
        String name = scope.queue();
        Queue queue;
        try {
            queue = Queue.named(name);
        } catch (InvalidTaskException e) {
            problems.add(source, "queues." + name + ": " + e.getMessage());
            return null;
        }
        Key statusKey = new Key(scope, Catalog.STATUS_KEY);
        try {
            queue = queue.statusKey(of(Catalog.STATUS_KEY, scope));
        } catch (InvalidTaskException e) {
            problems.add(given(Catalog.STATUS_KEY, scope).source(), statusKey.path() + ": " + e.getMessage());
            return null;
        }
        boolean known = isSound(new Key(scope, Catalog.DELIVERY), given(Catalog.DELIVERY, scope));
        return known ? queue.delivery(of(Catalog.DELIVERY, scope)) : null;
    }

    /** What is set here, and has no meaning where a task is popped and gone. */
    private void refuseAtMostOnce(Scope scope, List<Setting<?>> settings, String why) {
        if (isAtMostOnce(scope)) {
            settings.stream()
                    .filter(setting -> !given(setting, scope).source().equals(Source.DEFAULT))
                    .filter(setting -> !isInherited(new Key(scope, setting)))
                    .forEach(setting -> problems.add(
                            given(setting, scope).source(),
                            new Key(scope, setting).path(),
                            "has no meaning with delivery at-most-once, which " + why + "; remove it"));
        }
    }

    private boolean isAtMostOnce(Scope scope) {
        Given delivery = given(Catalog.DELIVERY, Scope.of(scope.queue()));
        return DeliveryMode.ofWord(delivery.text()) == DeliveryMode.AT_MOST_ONCE;
    }

    private void checkCallback(Scope type) {
        refuseAtMostOnce(type, List.of(Catalog.CALLBACK), "calls nobody back");
        Given callback = given(Catalog.CALLBACK, type);
        Given ofThat = values.get(new Key(Scope.of(type.queue()).withType(callback.text()), Catalog.CALLBACK));
        if (ofThat != null && !ofThat.text().equals(Kind.NONE)) {
            problems.add(
                    callback.source(),
                    new Key(type, Catalog.CALLBACK).path(),
                    "must have no callback of its own, was '" + callback.text() + "'");
        }
    }

    private void checkRetries(Scope scope) {
        refuseAtMostOnce(scope, Catalog.OF_RETRIES, "never tries again");
        Given first = given(Catalog.BACKOFF_FIRST, scope);
        Given max = given(Catalog.BACKOFF_MAX, scope);
        Key firstKey = new Key(scope, Catalog.BACKOFF_FIRST);
        Key maxKey = new Key(scope, Catalog.BACKOFF_MAX);
        if (!(isInherited(firstKey) && isInherited(maxKey))
                && isSound(firstKey, first)
                && isSound(maxKey, max)
                && of(Catalog.BACKOFF_FIRST, scope).compareTo(of(Catalog.BACKOFF_MAX, scope)) > 0) {
            Given written = max.source().equals(Source.DEFAULT) ? first : max;
            problems.add(
                    written.source(),
                    maxKey.path(),
                    "must not be shorter than backoff.first, was '" + max.text() + "' with first '" + first.text()
                            + "'");
        }
    }

    // Redis has one value under one key, and ids of two queues would overwrite each other.
    private void checkKeysDiffer(List<Settings.Served> served) {
        Map<String, String> owners = new HashMap<>();
        served.forEach(it -> owners.put(it.queue().name(), it.queue().name()));
        for (Settings.Served it : served) {
            String other = owners.putIfAbsent(it.queue().statusKey(), it.queue().name());
            if (other != null) {
                problems.add(
                        given(Catalog.STATUS_KEY, Scope.of(it.queue().name())).source(),
                        new Key(Scope.of(it.queue().name()), Catalog.STATUS_KEY).path(),
                        "is a key of queue " + other + " already: '"
                                + it.queue().statusKey() + "'");
            }
        }
    }

    private static boolean isSound(Key key, Given value) {
        return key.setting().kind().objection(value.text()).isEmpty();
    }

    private Given given(Setting<?> setting, Scope scope) {
        return Objects.requireNonNull(values.get(new Key(scope, setting)), setting.path());
    }

    private <T> T of(Setting<T> setting, Scope scope) {
        return setting.kind().reader().apply(given(setting, scope).text());
    }
}
