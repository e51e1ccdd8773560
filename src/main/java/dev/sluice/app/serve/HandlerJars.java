package dev.sluice.app.serve;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Table;
import dev.sluice.dispatch.HandlerRegistry;
import dev.sluice.dispatch.TaskHandler;
import dev.sluice.task.Task;
import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * The handlers in the jars of a folder, loaded and collected before anything starts, so that a broken jar is a mistake on
 * the command line and not a surprise later.
 *
 * <p>Each jar has a class loader of its own, which stays open as long as the server runs.
 */
final class HandlerJars {
    private static final String ENDING = ".jar";

    private final Map<String, Registration<?>> registrations = new LinkedHashMap<>();
    private final Set<String> builtIn;

    private HandlerJars(Set<String> builtIn) {
        this.builtIn = builtIn;
    }

    /** None. */
    static HandlerJars none() {
        return new HandlerJars(Set.of());
    }

    /** Those in {@code folder}, in the order of their names; refuses the first that is broken, with exit code 2. */
    static HandlerJars in(Path folder, Set<String> builtIn) {
        HandlerJars all = new HandlerJars(builtIn);
        ClassLoader shared = new SharedClasses();
        for (Path jar : jarsIn(folder)) {
            String name = String.valueOf(jar.getFileName());
            int before = all.registrations.size();
            HandlerJar.load(jar, shared, all.registryOf(name));
            if (all.registrations.size() == before) {
                throw HandlerJar.broken(jar, "it registers no type");
            }
        }
        return all;
    }

    /** Registers all of them, each after {@code decorator} has had it. */
    void register(HandlerRegistry registry, Decorator decorator) {
        registrations.forEach((type, registration) -> registration.register(type, registry, decorator));
    }

    /** Tells each jar and the types it has, in the order of names. */
    void forEachJar(BiConsumer<String, List<String>> listener) {
        Map<String, List<String>> jars = new TreeMap<>();
        registrations.forEach((type, registration) -> jars.computeIfAbsent(registration.jar, name -> new ArrayList<>())
                .add(type));
        jars.forEach(
                (jar, types) -> listener.accept(jar, types.stream().sorted().toList()));
    }

    private HandlerRegistry registryOf(String jar) {
        return new HandlerRegistry() {
            @Override
            public <T> HandlerRegistry handler(String type, Class<T> payload, TaskHandler<T> handler) {
                return handler(type, (Type) payload, handler);
            }

            @Override
            public <T> HandlerRegistry handler(String type, Type payload, TaskHandler<T> handler) {
                add(type, new Registration<>(jar, payload, withItsLoader(handler)));
                return this;
            }
        };
    }

    /** Called while the jar registers: its loader is the context's then, where libraries look for what it brings, and will be when it handles. */
    private static <T> TaskHandler<T> withItsLoader(TaskHandler<T> handler) {
        ClassLoader own = Thread.currentThread().getContextClassLoader();
        return context -> {
            Thread thread = Thread.currentThread();
            ClassLoader before = thread.getContextClassLoader();
            thread.setContextClassLoader(own);
            try {
                return handler.handle(context);
            } finally {
                thread.setContextClassLoader(before);
            }
        };
    }

    private void add(String type, Registration<?> registration) {
        if (!Task.isValidType(type)) {
            throw new IllegalStateException("a task type must be 1 to 256 UTF-8 bytes without control characters, was '"
                    + Table.printable(type) + "'");
        }
        if (builtIn.contains(type)) {
            throw new IllegalStateException("type '" + type + "' is built in: choose another name");
        }
        Registration<?> first = registrations.putIfAbsent(type, registration);
        if (first != null) {
            throw new IllegalStateException("type '" + type + "' has a handler already, from " + first.jar);
        }
    }

    private static List<Path> jarsIn(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw Refusal.mistaken("--handlers " + folder + ": there is no such folder");
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> jars = files.filter(file -> file.toString().endsWith(ENDING))
                    .sorted()
                    .toList();
            if (jars.isEmpty()) {
                throw Refusal.mistaken("--handlers " + folder + ": there is no " + ENDING + " file in it");
            }
            return jars;
        } catch (IOException e) {
            throw Refusal.mistaken("--handlers " + folder + ": it cannot be read (" + e.getMessage() + ")");
        }
    }

    /** What stands around every handler of a jar. */
    interface Decorator {
        <T> TaskHandler<T> around(TaskHandler<T> handler);
    }

    private record Registration<T>(String jar, Type payload, TaskHandler<T> handler) {
        void register(String type, HandlerRegistry registry, Decorator decorator) {
            registry.handler(type, payload, decorator.around(handler));
        }
    }
}
