package dev.sluice.guards;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The application has floors of its own: a package of it uses only those that are named before it. */
class ApplicationFloorsTest {
    private static final String APPLICATION = MainCode.ROOT + ".app";
    private static final List<String> FLOORS = List.of("config", "console", "serve", "command", "");

    @Test
    void everyPackageHasAFloor() {
        assertThat(application().map(ApplicationFloorsTest::part).distinct())
                .containsExactlyInAnyOrderElementsOf(FLOORS);
    }

    @Test
    void aPackageUsesOnlyPackagesBelowIt() {
        assertThat(application()
                        .flatMap(user -> user.getDirectDependenciesFromSelf().stream())
                        .filter(use -> isApplication(use.getTargetClass()))
                        .filter(use -> floor(use.getTargetClass()) > floor(use.getOriginClass()))
                        .map(Dependency::getDescription))
                .isEmpty();
    }

    private static Stream<JavaClass> application() {
        return MainCode.classes().stream().filter(ApplicationFloorsTest::isApplication);
    }

    private static boolean isApplication(JavaClass type) {
        return MainCode.isOurs(type) && MainCode.room(type).equals("app");
    }

    private static int floor(JavaClass type) {
        return FLOORS.indexOf(part(type));
    }

    private static String part(JavaClass type) {
        String name = type.getPackageName();
        return name.equals(APPLICATION) ? "" : name.substring(APPLICATION.length() + 1);
    }
}
