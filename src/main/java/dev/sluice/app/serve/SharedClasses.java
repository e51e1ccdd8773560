package dev.sluice.app.serve;

import java.util.List;

/**
 * What a handler jar sees of the server: the classes that both sides must have the same of, and Java itself.
 *
 * <p>The rest of the server is hidden, so that a jar may bring any version of any other library.
 */
final class SharedClasses extends ClassLoader {
    private static final List<String> SHARED = List.of(
            "dev.sluice.",
            "reactor.",
            "org.reactivestreams.",
            "org.slf4j.",
            "org.jspecify.",
            "tools.jackson.",
            "com.fasterxml.jackson.annotation.");

    private static final List<String> HIDDEN = List.of("dev.sluice.app.", "dev.sluice.testkit.", "reactor.netty.");

    private final ClassLoader server = SharedClasses.class.getClassLoader();

    static {
        registerAsParallelCapable();
    }

    SharedClasses() {
        super("sluice-shared", ClassLoader.getPlatformClassLoader());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        return isShared(name) ? server.loadClass(name) : super.loadClass(name, resolve);
    }

    static boolean isShared(String name) {
        return SHARED.stream().anyMatch(name::startsWith) && HIDDEN.stream().noneMatch(name::startsWith);
    }
}
