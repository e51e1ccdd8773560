package dev.sluice.app.config;

import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.DeadLetterRetention;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Queue;
import dev.sluice.task.RetryPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Turns texts into settings: each value by itself first, then what they must be together. */
final class Reading {
    private static final List<Setting<?>> OF_RETRIES = Catalog.OF_A_QUEUE.stream()
            .filter(setting -> setting.path().startsWith("retry."))
            .toList();

    private final Map<Key, Given> values;
    private final Map<String, Source> queues;
    private final Problems problems;

    Reading(Map<Key, Given> values, Map<String, Source> queues, Problems problems) {
        this.values = values;
        this.queues = queues;
        this.problems = problems;
    }

    /** The settings; throws after everything was looked at. */
    Settings settings() {
        values.forEach(this::check);
        checkData();
        List<Settings.Served> served = new ArrayList<>();
        queues.forEach((name, source) -> {
            Settings.Served queue = served(name, source);
            if (queue != null) {
                served.add(queue);
            }
        });
        checkKeysDiffer(served);
        if (!problems.isEmpty()) {
            throw problems.asException();
        }
        return new Settings(
                of(Catalog.REDIS_URL, "").orElse(null),
                of(Catalog.REDIS_DATA, "").orElse(null),
                of(Catalog.CONNECT_TIMEOUT, ""),
                of(Catalog.LEASE, ""),
                of(Catalog.CRASH_LIMIT, ""),
                of(Catalog.SHUTDOWN_GRACE, ""),
                of(Catalog.LOG_FORMAT, ""),
                served);
    }

    private void check(Key key, Given value) {
        key.setting()
                .kind()
                .objection(value.text())
                .ifPresent(objection -> problems.add(value.source(), key.path(), objection));
    }

    // Who types --data wants its tasks kept: another Redis would not. In a file it waits for the embedded one.
    private void checkData() {
        Given url = given(Catalog.REDIS_URL, "");
        Given data = given(Catalog.REDIS_DATA, "");
        boolean typed = data.source().equals(Source.flag("--data"));
        if (typed && !data.text().equals(Kind.NONE) && !url.text().equals(Catalog.EMBEDDED)) {
            problems.add(
                    data.source(),
                    "--data belongs to the embedded Redis, but " + url.source() + " says "
                            + RedisUrl.masked(url.text()));
        }
    }

    private Settings.@Nullable Served served(String name, Source source) {
        int before = problems.count();
        Queue queue = queue(name, source);
        checkRetries(name);
        boolean sound = values.entrySet().stream()
                .filter(entry -> entry.getKey().queue().equals(name))
                .allMatch(entry -> isSound(entry.getKey(), entry.getValue()));
        if (queue == null || !sound || problems.count() > before) {
            return null;
        }
        return new Settings.Served(
                queue,
                new QueueSettings(
                        of(Catalog.CONCURRENCY, name),
                        of(Catalog.TIMEOUT, name),
                        new RetryPolicy(
                                of(Catalog.MAX_ATTEMPTS, name),
                                of(Catalog.BACKOFF_FIRST, name),
                                of(Catalog.BACKOFF_FACTOR, name),
                                of(Catalog.BACKOFF_MAX, name),
                                of(Catalog.BACKOFF_JITTER, name)),
                        of(Catalog.DEFAULT_TYPE, name).orElse(null),
                        of(Catalog.PLAIN_TYPE, name).orElse(null),
                        of(Catalog.FOREIGN, name),
                        new DeadLetterRetention(
                                of(Catalog.DEAD_LETTERS_COUNT, name), of(Catalog.DEAD_LETTERS_AGE, name))));
    }

    private @Nullable Queue queue(String name, Source source) {
        Queue queue;
        try {
            queue = Queue.named(name);
        } catch (InvalidTaskException e) {
            problems.add(source, "queues." + name + ": " + e.getMessage());
            return null;
        }
        Key statusKey = new Key(name, Catalog.STATUS_KEY);
        try {
            queue = queue.statusKey(of(Catalog.STATUS_KEY, name));
        } catch (InvalidTaskException e) {
            problems.add(given(Catalog.STATUS_KEY, name).source(), statusKey.path() + ": " + e.getMessage());
            return null;
        }
        boolean known = isSound(new Key(name, Catalog.DELIVERY), given(Catalog.DELIVERY, name));
        return known ? queue.delivery(of(Catalog.DELIVERY, name)) : null;
    }

    private void checkRetries(String name) {
        if (DeliveryMode.ofWord(given(Catalog.DELIVERY, name).text()) == DeliveryMode.AT_MOST_ONCE) {
            OF_RETRIES.stream()
                    .filter(setting -> !given(setting, name).source().equals(Source.DEFAULT))
                    .forEach(setting -> problems.add(
                            given(setting, name).source(),
                            new Key(name, setting).path(),
                            "has no meaning with delivery at-most-once, which never tries again; remove it"));
        }
        Given first = given(Catalog.BACKOFF_FIRST, name);
        Given max = given(Catalog.BACKOFF_MAX, name);
        Key firstKey = new Key(name, Catalog.BACKOFF_FIRST);
        Key maxKey = new Key(name, Catalog.BACKOFF_MAX);
        if (isSound(firstKey, first)
                && isSound(maxKey, max)
                && of(Catalog.BACKOFF_FIRST, name).compareTo(of(Catalog.BACKOFF_MAX, name)) > 0) {
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
                        given(Catalog.STATUS_KEY, it.queue().name()).source(),
                        new Key(it.queue().name(), Catalog.STATUS_KEY).path(),
                        "is a key of queue " + other + " already: '"
                                + it.queue().statusKey() + "'");
            }
        }
    }

    private static boolean isSound(Key key, Given value) {
        return key.setting().kind().objection(value.text()).isEmpty();
    }

    private Given given(Setting<?> setting, String queue) {
        return Objects.requireNonNull(values.get(new Key(queue, setting)), setting.path());
    }

    private <T> T of(Setting<T> setting, String queue) {
        return setting.kind().reader().apply(given(setting, queue).text());
    }
}
