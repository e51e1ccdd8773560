package dev.sluice.app.serve;

import dev.sluice.app.console.Refusal;
import dev.sluice.dispatch.HandlerModule;
import dev.sluice.dispatch.HandlerRegistry;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One jar with handler modules: loads them, lets them register, and says in a sentence what is wrong with it. */
final class HandlerJar {
    private static final String SERVICES = "META-INF/services/" + HandlerModule.class.getName();
    private static final Pattern CLASS_FILE_VERSION = Pattern.compile("class file version (\\d+)");
    private static final int CLASS_FILE_VERSION_OF_JAVA_0 = 44;

    private HandlerJar() {}

    /** Lets every module of {@code jar} register at {@code registry}; throws a {@link Refusal} if that cannot be. */
    static void load(Path jar, ClassLoader shared, HandlerRegistry registry) {
        checkFile(jar);
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        URLClassLoader own = open(jar, shared);
        try {
            Thread.currentThread().setContextClassLoader(own); // libraries in the jar look for their own services there
            for (HandlerModule module : ServiceLoader.load(HandlerModule.class, own)) {
                module.register(registry);
            }
        } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
            close(own);
            throw broken(jar, why(e));
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    static Refusal broken(Path jar, String why) {
        return Refusal.mistaken("handler jar " + jar + ": " + why);
    }

    private static void checkFile(Path jar) {
        try (JarFile file = new JarFile(jar.toFile())) {
            if (file.getEntry(SERVICES) == null) {
                throw broken(jar, "it offers no handlers: " + SERVICES + " is missing in it");
            }
        } catch (IOException e) {
            throw broken(
                    jar, Files.isReadable(jar) ? "it is no jar file (" + e.getMessage() + ")" : "it cannot be read");
        }
    }

    private static URLClassLoader open(Path jar, ClassLoader shared) {
        try {
            return new URLClassLoader(
                    String.valueOf(jar.getFileName()), new URL[] {jar.toUri().toURL()}, shared);
        } catch (IOException e) {
            throw broken(jar, String.valueOf(e.getMessage()));
        }
    }

    private static void close(URLClassLoader own) {
        try {
            own.close();
        } catch (IOException nothingWasWritten) {
            // and the program ends
        }
    }

    private static String why(Throwable failure) {
        Throwable cause = failure.getCause();
        if (failure instanceof UnsupportedClassVersionError) {
            return version(failure);
        }
        if (failure instanceof ServiceConfigurationError && cause != null) {
            return stripped(failure) + ": " + why(cause);
        }
        if (failure instanceof ServiceConfigurationError) {
            return stripped(failure) + " (named in " + SERVICES + ")";
        }
        if (failure instanceof NoClassDefFoundError) {
            return "it needs the class " + String.valueOf(failure.getMessage()).replace('/', '.')
                    + ", which is neither in it nor shared by the server" + at(failure);
        }
        return (failure instanceof IllegalStateException
                        ? ""
                        : failure.getClass().getName() + ": ")
                + failure.getMessage()
                + at(failure);
    }

    private static String version(Throwable failure) {
        Matcher version = CLASS_FILE_VERSION.matcher(String.valueOf(failure.getMessage()));
        String needed = version.find()
                ? "Java " + (Integer.parseInt(version.group(1)) - CLASS_FILE_VERSION_OF_JAVA_0)
                : "a later Java";
        return "it is compiled for " + needed + ", and this is Java "
                + Runtime.version().feature();
    }

    private static String stripped(Throwable failure) {
        return String.valueOf(failure.getMessage()).replace(HandlerModule.class.getName() + ": ", "");
    }

    /** The line of the jar's own code where it happened. */
    private static String at(Throwable failure) {
        for (StackTraceElement frame : failure.getStackTrace()) {
            String type = frame.getClassName();
            if (frame.getClassLoaderName() != null
                    && frame.getClassLoaderName().endsWith(".jar")
                    && !SharedClasses.isShared(type)) {
                return " (at " + type + "." + frame.getMethodName() + ":" + frame.getLineNumber() + ")";
            }
        }
        return "";
    }
}
