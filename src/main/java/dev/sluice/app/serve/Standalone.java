package dev.sluice.app.serve;

import dev.sluice.app.config.LogFormat;
import dev.sluice.app.config.Settings;
import dev.sluice.app.console.RedisAddress;
import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The standalone dispatcher: loads what was named, starts what is needed, and serves until it is told to stop. */
public final class Standalone {
    // After the grace. The rest of the 2 s that a stop may take on top of it is for the last word and for the end of
    // the JVM: 0.3 s while threads wait for answers.
    private static final Duration TIME_TO_END = Duration.ofMillis(1_500);

    private final Settings settings;
    private final @Nullable Path file;
    private final Terminal terminal;
    private final HeadStart headStart;

    /**
     * Runs with {@code settings}, and tells {@code terminal} or the log, as these say.
     *
     * @param file where they are from, which is who declares their schedules; null = no file, which declares none
     */
    public Standalone(Settings settings, @Nullable Path file, Terminal terminal, HeadStart headStart) {
        this.settings = settings;
        this.file = file;
        this.terminal = terminal;
        this.headStart = headStart;
    }

    /**
     * Blocks until the end and returns the exit code.
     *
     * @param given the Redis to use; null = one of its own
     * @param handlers the folder with handler jars; null = none
     * @param demoTasks how many tasks to show first; 0 = none
     */
    public int run(@Nullable RedisAddress given, @Nullable Path handlers, int demoTasks) throws InterruptedException {
        if (settings.logFormat() == LogFormat.JSON) {
            headStart.await();
            LogConfigurator.use(LogFormat.JSON);
        }
        HandlerJars jars = handlers == null ? HandlerJars.none() : handlerJars(handlers);
        checkHandlers(jars);
        settings.queues().forEach(served -> checkTypes(served, jars));
        Narrator narrator = Narrator.of(settings.logFormat(), terminal);
        jars.forEachJar(narrator::loaded);
        settings.pushes().forEach(narrator::delivering);
        Signals signals = new Signals(settings.shutdownGrace().plus(TIME_TO_END), () -> {
            narrator.cutShort();
            LogConfigurator.flush(); // or the JVM ends before it is written
        });
        signals.listen();
        try (Closing closing = new Closing()) {
            closing.add(LogConfigurator::flush); // the first is the last to run, also where the JVM ends by itself
            Service service = new Service(settings, file, narrator, signals, closing);
            try {
                RedisAddress address = given == null ? service.startRedis() : given;
                headStart.await();
                if (address != null) {
                    Queue first = settings.queues().get(0).queue();
                    service.run(
                            address,
                            jars,
                            demoTasks == 0 ? null : new Demo(address, first, terminal, signals, demoTasks));
                }
            } catch (Refusal refusal) { // told before anything is closed, of which the log is the last
                return narrator.refused(refusal);
            }
        }
        return signals.exitCode(); // which the end may have changed
    }

    private HandlerJars handlerJars(Path folder) throws InterruptedException {
        headStart.await();
        return HandlerJars.in(folder, Settings.BUILT_IN_TYPES);
    }

    private void checkHandlers(HandlerJars jars) {
        jars.forEachJar((jar, types) -> types.stream()
                .filter(settings.pushes()::containsKey)
                .findFirst()
                .ifPresent(type -> {
                    throw Refusal.mistaken("handlers." + type + ": the type has a handler already, from a jar");
                }));
    }

    // Else every task that it is meant for would become a dead letter, or what is set for it would never count.
    private void checkTypes(Settings.Served served, HandlerJars jars) {
        Set<String> known = new TreeSet<>(Settings.BUILT_IN_TYPES);
        jars.forEachJar((jar, types) -> known.addAll(types));
        known.addAll(settings.pushes().keySet());
        types(served).forEach((key, type) -> {
            if (type != null && !known.contains(type)) {
                throw Refusal.mistaken("queues." + served.queue().name() + "." + key + ": '" + type
                        + "' has no handler: there are " + String.join(", ", known));
            }
        });
    }

    /** Each type that the settings of a queue name, by its key there. */
    private static Map<String, @Nullable String> types(Settings.Served served) {
        QueueSettings queue = served.settings();
        Map<String, @Nullable String> types = new TreeMap<>();
        types.put("default-type", queue.defaultType());
        types.put("plain-type", queue.plainType());
        queue.timeouts().keySet().forEach(type -> types.put("types." + type, type));
        queue.callbacks().forEach((type, callback) -> types.put("types." + type + ".callback", callback));
        served.schedules()
                .forEach(it ->
                        types.put("schedules." + it.name() + ".type", it.task().type()));
        return types;
    }
}
