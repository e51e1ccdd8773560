package dev.sluice.guards;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Each library has one home: whoever wants to replace it looks at one package. */
class LibraryHomesTest {

    /** Package prefix of a library → the packages that may name it. */
    private static final Map<String, Set<String>> HOMES = Map.ofEntries(
            entry("tools.jackson.", Set.of("codec")),
            entry("com.fasterxml.jackson.", Set.of("codec")),
            entry("io.lettuce.", Set.of("redis")),
            entry("io.micrometer.", Set.of("observe")),
            entry("io.netty.", Set.of("redis", "push", "http")),
            entry("reactor.netty.", Set.of("push", "http")),
            entry("com.cronutils.", Set.of("upkeep")),
            entry("picocli.", Set.of("app")),
            entry("ch.qos.logback.", Set.of("app")),
            entry("org.snakeyaml.", Set.of("app")),
            entry("org.junit.", Set.of("testkit")),
            entry("org.springframework.", Set.of("spring")));

    /** What the front door takes from a caller who brings it along. */
    private static final Set<String> BROUGHT_BY_THE_CALLER = Set.of(
            "io.lettuce.core.RedisClient",
            "io.lettuce.core.RedisURI",
            "io.lettuce.core.resource.ClientResources",
            "io.micrometer.core.instrument.MeterRegistry");

    @Test
    void aLibraryIsNamedOnlyAtHome() {
        assertThat(MainCode.classes().stream()
                        .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
                        .filter(LibraryHomesTest::isAwayFromHome)
                        .map(Dependency::getDescription))
                .isEmpty();
    }

    @Test
    void tasksAreValuesAndKnowNothingOfStreams() {
        assertThat(MainCode.classes().stream()
                        .filter(type -> MainCode.room(type).equals("task"))
                        .flatMap(type -> type.getDirectDependenciesFromSelf().stream())
                        .filter(use -> use.getTargetClass().getName().startsWith("reactor.")
                                || use.getTargetClass().getName().startsWith("org.reactivestreams."))
                        .map(Dependency::getDescription))
                .isEmpty();
    }

    private static boolean isAwayFromHome(Dependency use) {
        String room = MainCode.room(use.getOriginClass());
        String target = nameOf(use.getTargetClass());
        boolean brought = room.isEmpty() && BROUGHT_BY_THE_CALLER.contains(target);
        return !brought
                && HOMES.entrySet().stream()
                        .anyMatch(home -> target.startsWith(home.getKey())
                                && !home.getValue().contains(room));
    }

    private static String nameOf(JavaClass type) {
        return type.getBaseComponentType().getName();
    }
}
