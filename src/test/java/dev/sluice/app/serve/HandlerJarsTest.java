package dev.sluice.app.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.app.console.Refusal;
import dev.sluice.dispatch.HandlerRegistry;
import dev.sluice.dispatch.TaskHandler;
import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jars with handlers, good and broken, compiled here as a stranger would compile them. */
class HandlerJarsTest {
    private static final String SERVICES = "META-INF/services/dev.sluice.dispatch.HandlerModule";
    private static final Set<String> BUILT_IN = Set.of("echo");

    @TempDir
    private Path temp;

    private Path handlers;

    @BeforeEach
    void folder() throws IOException {
        handlers = Files.createDirectory(temp.resolve("handlers"));
    }

    @Test
    void everyTypeOfEveryJarIsFound() throws Exception {
        jar("b.jar", "b.Mails", register("\"mail.send\"", "\"mail.bounce\""));
        jar("a.jar", "a.Orders", register("\"order.ship\""));
        Files.writeString(handlers.resolve("notes.txt"), "no jar");

        HandlerJars jars = HandlerJars.in(handlers, BUILT_IN);

        Map<String, List<String>> told = new LinkedHashMap<>();
        jars.forEachJar(told::put);
        assertThat(told)
                .containsExactly(
                        Map.entry("a.jar", List.of("order.ship")),
                        Map.entry("b.jar", List.of("mail.bounce", "mail.send")));
        assertThat(registered(jars)).containsExactly("order.ship", "mail.send", "mail.bounce");
    }

    @Test
    void aJarSeesTheApiAndJavaButNotTheRestOfTheServer() throws Exception {
        jar("see.jar", "see.Module", """
                for (String name : new String[] {"dev.sluice.Sluice", "reactor.core.publisher.Flux", "org.slf4j.Logger",
                        "tools.jackson.databind.JsonNode", "com.fasterxml.jackson.annotation.JsonProperty", "java.sql.Date",
                        "picocli.CommandLine", "dev.sluice.app.Main", "dev.sluice.testkit.RedisServer",
                        "io.lettuce.core.RedisClient", "ch.qos.logback.classic.Logger", "reactor.netty.Connection"}) {
                    try {
                        Class.forName(name);
                        handlers.handler("sees " + name, Void.class, task -> Mono.empty());
                    } catch (ClassNotFoundException hidden) {
                        handlers.handler("not " + name, Void.class, task -> Mono.empty());
                    }
                }
                """);

        assertThat(registered(HandlerJars.in(handlers, BUILT_IN)))
                .containsExactly(
                        "sees dev.sluice.Sluice",
                        "sees reactor.core.publisher.Flux",
                        "sees org.slf4j.Logger",
                        "sees tools.jackson.databind.JsonNode",
                        "sees com.fasterxml.jackson.annotation.JsonProperty",
                        "sees java.sql.Date",
                        "not picocli.CommandLine",
                        "not dev.sluice.app.Main",
                        "not dev.sluice.testkit.RedisServer",
                        "not io.lettuce.core.RedisClient",
                        "not ch.qos.logback.classic.Logger",
                        "not reactor.netty.Connection");
    }

    /** Libraries look for their services with that loader, often not before they are first used. */
    @Test
    void theContextOfAHandlerIsItsJar() throws Exception {
        jar("own.jar", "own.Module", """
                ClassLoader own = getClass().getClassLoader();
                handlers.handler("handles", Void.class,
                        task -> Mono.just(Thread.currentThread().getContextClassLoader() == own));
                handlers.handler("blocks", Void.class,
                        TaskHandler.blocking(task -> Thread.currentThread().getContextClassLoader() == own));
                """);
        ClassLoader before = Thread.currentThread().getContextClassLoader();

        for (TaskHandler<?> handler :
                handlers(HandlerJars.in(handlers, BUILT_IN)).values()) {
            assertThat(handler.handle(null).block()).isEqualTo(true);
            assertThat(Thread.currentThread().getContextClassLoader()).isSameAs(before);
        }
    }

    @Test
    void jarsDoNotSeeEachOtherAndMayHoldClassesOfOneName() throws Exception {
        jar("a.jar", "same.Module", register("\"from.a\""));
        jar("b.jar", "same.Module", register("\"from.b\""));

        assertThat(registered(HandlerJars.in(handlers, BUILT_IN))).containsExactly("from.a", "from.b");
    }

    @Test
    void aFolderThatIsNoneOrHoldsNothingIsRefused() {
        assertRefused(temp.resolve("nowhere"), "nowhere: there is no such folder");
        assertRefused(handlers, "handlers: there is no .jar file in it");
    }

    @Test
    void aFileThatIsNoJarIsNamed() throws Exception {
        jar("a.jar", "a.Module", register("\"a\""));
        Files.writeString(handlers.resolve("broken.jar"), "not a zip");

        assertRefused(handlers, "broken.jar: it is no jar file (");
    }

    @Test
    void aJarWithoutHandlersIsNamed() throws Exception {
        write("library.jar", Map.of("some/text", "x".getBytes(StandardCharsets.UTF_8)));

        assertRefused(handlers, "library.jar: it offers no handlers: " + SERVICES + " is missing in it");
    }

    @Test
    void aModuleThatIsNotThereIsNamed() throws Exception {
        write("gone.jar", Map.of(SERVICES, "com.acme.Gone\n".getBytes(StandardCharsets.UTF_8)));

        assertRefused(handlers, "gone.jar: Provider com.acme.Gone not found (named in " + SERVICES + ")");
    }

    @Test
    void aJarForALaterJavaIsNamed() throws Exception {
        Map<String, byte[]> entries = compiled("a.Module", register("\"a\""));
        int later = Runtime.version().feature() + 1;
        entries.get("a/Module.class")[7] = (byte) (44 + later);
        write("late.jar", entries);

        assertRefused(handlers, "late.jar: it is compiled for Java " + later + ", and this is Java " + (later - 1));
    }

    @Test
    void aTypeThatIsThereTwiceIsNamedWithBothJars() throws Exception {
        jar("a.jar", "a.Module", register("\"order.ship\""));
        jar("b.jar", "b.Module", register("\"order.ship\""));

        assertRefused(handlers, "b.jar: type 'order.ship' has a handler already, from a.jar (at b.Module.register:");
    }

    @Test
    void aBuiltInTypeIsNotReplaced() throws Exception {
        jar("a.jar", "a.Module", register("\"echo\""));

        assertRefused(handlers, "a.jar: type 'echo' is built in: choose another name");
    }

    @Test
    void aModuleThatFailsIsNamedWithTheLine() throws Exception {
        jar("a.jar", "a.Module", "throw new java.util.NoSuchElementException(\"no mail server\");");

        assertRefused(handlers, "a.jar: java.util.NoSuchElementException: no mail server (at a.Module.register:6)");
    }

    @Test
    void aModuleThatRegistersNothingIsNamed() throws Exception {
        jar("a.jar", "a.Module", "");

        assertRefused(handlers, "a.jar: it registers no type");
    }

    @Test
    void aClassThatNobodyHasIsNamed() throws Exception {
        Map<String, byte[]> entries = compiled("a.Module", "new Helper();", "static class Helper {}");
        entries.remove("a/Module$Helper.class");
        write("a.jar", entries);

        assertRefused(handlers, "a.jar: it needs the class a.Module$Helper, which is neither in it nor shared");
    }

    private static void assertRefused(Path folder, String sentence) {
        assertThatThrownBy(() -> HandlerJars.in(folder, BUILT_IN))
                .isInstanceOf(Refusal.class)
                .hasMessageContaining(sentence)
                .satisfies(refusal -> assertThat(((Refusal) refusal).exitCode()).isEqualTo(2));
    }

    private static List<String> registered(HandlerJars jars) {
        return List.copyOf(handlers(jars).keySet());
    }

    private static Map<String, TaskHandler<?>> handlers(HandlerJars jars) {
        Map<String, TaskHandler<?>> types = new LinkedHashMap<>();
        jars.register(
                new HandlerRegistry() {
                    @Override
                    public <T> HandlerRegistry handler(String type, Class<T> payload, TaskHandler<T> handler) {
                        return handler(type, (Type) payload, handler);
                    }

                    @Override
                    public <T> HandlerRegistry handler(String type, Type payload, TaskHandler<T> handler) {
                        types.put(type, handler);
                        return this;
                    }
                },
                new HandlerJars.Decorator() {
                    @Override
                    public <T> TaskHandler<T> around(TaskHandler<T> handler) {
                        return handler;
                    }
                });
        return types;
    }

    private static String register(String... types) {
        StringBuilder code = new StringBuilder();
        for (String type : types) {
            code.append("handlers.handler(").append(type).append(", Void.class, task -> Mono.empty());");
        }
        return code.toString();
    }

    private void jar(String file, String module, String body) throws IOException {
        write(file, compiled(module, body));
    }

    /** The entries of a jar with one module whose method has this body. */
    private Map<String, byte[]> compiled(String module, String body, String... members) throws IOException {
        String folder = module.substring(0, module.indexOf('.'));
        String name = module.substring(module.indexOf('.') + 1);
        Path out = Files.createTempDirectory(temp, "classes");
        Path source = Files.writeString(
                out.resolve(name + ".java"), """
                package %s;
                import dev.sluice.dispatch.*;
                import reactor.core.publisher.Mono;
                public class %s implements HandlerModule {
                    public void register(HandlerRegistry handlers) {
                %s
                    }
                    %s
                }
                """.formatted(folder, name, body, String.join("\n", members)));
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        int failed = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-proc:none", "-d", out.toString(), "-cp", classPath, source.toString());
        assertThat(failed).isZero();
        Map<String, byte[]> entries = new LinkedHashMap<>(Map.of(SERVICES, module.getBytes(StandardCharsets.UTF_8)));
        try (Stream<Path> classes = Files.list(out.resolve(folder))) {
            for (Path file : classes.toList()) {
                entries.put(folder + "/" + file.getFileName(), Files.readAllBytes(file));
            }
        }
        return entries;
    }

    private void write(String file, Map<String, byte[]> entries) throws IOException {
        try (JarOutputStream jar = new JarOutputStream(Files.newOutputStream(handlers.resolve(file)))) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                jar.putNextEntry(new JarEntry(entry.getKey()));
                jar.write(entry.getValue());
            }
        }
    }
}
