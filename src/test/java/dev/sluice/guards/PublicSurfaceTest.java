package dev.sluice.guards;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.io.IOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.GenericDeclaration;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a user's code can name is written down in a file, so that no change of it goes unseen. */
class PublicSurfaceTest {
    private static final Path FILE =
            Path.of(System.getProperty("basedir", "."), "src", "test", "resources", "public-surface.txt");
    private static final Path CHANGELOG = Path.of(System.getProperty("basedir", "."), "src", "docs", "changelog.md");
    private static final String WRITE = "sluice.surface.write";

    /** Public to javac, internal by rule. */
    private static final Set<String> INTERNAL = Set.of("redis", "app");

    private static final double HIDDEN_SHARE = 0.45;

    @Test
    void thePublicSurfaceIsTheOneThatIsWrittenDown() throws IOException {
        List<String> surface = published().flatMap(PublicSurfaceTest::linesOf).toList();
        if (Boolean.getBoolean(WRITE)) {
            Files.write(FILE, surface);
        }

        assertThat(surface)
                .as(
                        "the public surface has changed. If that is meant: run 'mvn test -Dtest=PublicSurfaceTest -D%s=true',"
                                + " look at the diff of %s, and add a line to %s",
                        WRITE, FILE.getFileName(), CHANGELOG)
                .containsExactlyElementsOf(Files.readAllLines(FILE));
    }

    @Test
    void theChangelogHasTheVersionOfThePom() throws IOException {
        String pom = Files.readString(Path.of(System.getProperty("basedir", "."), "pom.xml"));
        String version = pom.replaceFirst("(?s).*?<version>([^<]+)</version>.*", "$1");

        assertThat(Files.readAllLines(CHANGELOG)).anyMatch(line -> line.startsWith("## " + version));
    }

    @Test
    void aboutHalfOfAllTypesAreHidden() {
        List<JavaClass> types = MainCode.classes().stream()
                .filter(type -> type.isTopLevelClass() && !type.getSimpleName().equals("package-info"))
                .toList();
        long hidden = types.stream()
                .filter(type -> !type.getModifiers().contains(JavaModifier.PUBLIC))
                .count();

        assertThat((double) hidden / types.size())
                .as("%s of %s types are package-private", hidden, types.size())
                .isGreaterThanOrEqualTo(HIDDEN_SHARE);
    }

    private static Stream<Class<?>> published() {
        return MainCode.classes().stream()
                .filter(type -> !INTERNAL.contains(MainCode.room(type)))
                .filter(type -> !type.getSimpleName().equals("package-info"))
                .map(JavaClass::reflect)
                .filter(PublicSurfaceTest::isReachable)
                .sorted(Comparator.comparing(Class::getName));
    }

    private static boolean isReachable(Class<?> type) {
        Class<?> outer = type.getEnclosingClass();
        return isOpen(type.getModifiers()) && !type.isAnonymousClass() && (outer == null || isReachable(outer));
    }

    private static boolean isOpen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static Stream<String> linesOf(Class<?> type) {
        Stream<? extends Member> members = Stream.of(
                        type.getDeclaredFields(), type.getDeclaredConstructors(), type.getDeclaredMethods())
                .flatMap(Arrays::stream);
        return Stream.concat(
                Stream.of(declarationOf(type)),
                members.filter(member -> isOpen(member.getModifiers()) && !member.isSynthetic())
                        .map(member -> "    " + described(member))
                        .sorted());
    }

    private static String declarationOf(Class<?> type) {
        List<String> words = new ArrayList<>();
        words.add(Modifier.toString(
                type.getModifiers() & ~Modifier.INTERFACE & ~(type.isInterface() ? Modifier.ABSTRACT : 0)));
        words.add(
                type.isAnnotation()
                        ? "@interface"
                        : type.isInterface()
                                ? "interface"
                                : type.isEnum() ? "enum" : type.isRecord() ? "record" : "class");
        words.add(type.getName() + variablesOf(type));
        if (type.getSuperclass() != null
                && !type.isEnum()
                && !type.isRecord()
                && type.getSuperclass() != Object.class) {
            words.add("extends " + type.getGenericSuperclass().getTypeName());
        }
        if (type.getGenericInterfaces().length > 0) {
            words.add((type.isInterface() ? "extends " : "implements ") + namesOf(type.getGenericInterfaces()));
        }
        if (type.isSealed()) {
            words.add("sealed");
        }
        return String.join(" ", words);
    }

    private static String described(Member member) {
        String modifiers = Modifier.toString(
                member.getModifiers() & (Modifier.methodModifiers() & ~Modifier.SYNCHRONIZED & ~Modifier.NATIVE));
        if (member instanceof Field field) {
            return modifiers + " " + annotated(field, field.getGenericType()) + " " + field.getName();
        }
        Executable executable = (Executable) member;
        String variables = variablesOf((GenericDeclaration) executable);
        String result =
                executable instanceof Method method ? annotated(method, method.getGenericReturnType()) + " " : "";
        String name = executable instanceof Constructor<?>
                ? executable.getDeclaringClass().getSimpleName()
                : executable.getName();
        String thrown = executable.getGenericExceptionTypes().length == 0
                ? ""
                : " throws " + namesOf(executable.getGenericExceptionTypes());
        return modifiers + (variables.isEmpty() ? " " : " " + variables + " ") + result + name + "("
                + parametersOf(executable) + ")" + thrown;
    }

    private static String parametersOf(Executable executable) {
        Type[] types = executable.getGenericParameterTypes();
        List<String> shown = new ArrayList<>();
        for (int i = 0; i < types.length; i++) {
            boolean nullable = isNullable(executable.getAnnotatedParameterTypes()[i]);
            shown.add((nullable ? "?" : "") + types[i].getTypeName());
        }
        return String.join(", ", shown);
    }

    private static String annotated(Member member, Type type) {
        AnnotatedElement declared =
                member instanceof Field field ? field.getAnnotatedType() : ((Method) member).getAnnotatedReturnType();
        return (isNullable(declared) ? "?" : "") + type.getTypeName();
    }

    /** JSpecify's annotation changes what a caller may pass or get, so it belongs to the surface. */
    private static boolean isNullable(AnnotatedElement type) {
        return Arrays.stream(type.getAnnotations())
                .anyMatch(annotation ->
                        annotation.annotationType().getSimpleName().equals("Nullable"));
    }

    private static String variablesOf(GenericDeclaration declaration) {
        TypeVariable<?>[] variables = declaration.getTypeParameters();
        return variables.length == 0
                ? ""
                : Arrays.stream(variables).map(PublicSurfaceTest::bounded).collect(Collectors.joining(", ", "<", ">"));
    }

    private static String bounded(TypeVariable<?> variable) {
        boolean any = variable.getBounds().length == 1 && variable.getBounds()[0] == Object.class;
        return variable + (any ? "" : " extends " + namesOf(variable.getBounds()));
    }

    private static String namesOf(Type[] types) {
        return Arrays.stream(types).map(Type::getTypeName).collect(Collectors.joining(", "));
    }
}
