package dev.sluice.guards;

import static java.util.Map.entry;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The house has floors: a package uses only packages below it, never one beside or above it. So there is no cycle either.
 */
class FloorsTest {

    private static final Map<String, Integer> FLOORS = Map.ofEntries(
            entry("task", 0),
            entry("codec", 1),
            entry("observe", 1),
            entry("redis", 2),
            entry("client", 3),
            entry("dispatch", 3),
            entry("upkeep", 3),
            entry("", 4), // the root package, the front door
            entry("push", 5),
            entry("http", 5),
            entry("spring", 5),
            entry("testkit", 5),
            entry("app", 6));

    @Test
    void everyPackageHasAFloor() {
        assertThat(MainCode.classes().stream().map(MainCode::room).distinct()).isSubsetOf(FLOORS.keySet());
    }

    @Test
    void aPackageUsesOnlyPackagesBelowIt() {
        assertThat(MainCode.classes().stream()
                        .flatMap(FloorsTest::uses)
                        .filter(FloorsTest::isNotDownwards)
                        .map(Dependency::getDescription))
                .isEmpty();
    }

    private static Stream<Dependency> uses(JavaClass user) {
        return user.getDirectDependenciesFromSelf().stream()
                .filter(use -> MainCode.isOurs(use.getTargetClass()))
                .filter(use -> !MainCode.room(use.getTargetClass()).equals(MainCode.room(user)));
    }

    private static boolean isNotDownwards(Dependency use) {
        return floor(use.getTargetClass()) >= floor(use.getOriginClass());
    }

    private static int floor(JavaClass type) {
        return FLOORS.getOrDefault(MainCode.room(type), Integer.MAX_VALUE);
    }
}
