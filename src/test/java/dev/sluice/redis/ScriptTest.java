package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What stands in front of a verb: all that it uses of {@code common.lua}, and no more. */
class ScriptTest {
    private static final Path COMMON = Path.of(
            System.getProperty("basedir", "."), "src", "main", "resources", "dev", "sluice", "redis", "common.lua");
    private static final Pattern FUNCTION = Pattern.compile("(?m)^local function (\\w+)");
    private static final Pattern VALUE = Pattern.compile("(?m)^local (\\w+) =");

    @Test
    void whateverAScriptUsesIsDefinedBefore() throws IllegalAccessException {
        List<String> names =
                Stream.of(FUNCTION, VALUE).flatMap(ScriptTest::inCommon).toList();
        assertThat(names).contains("clock_ms", "recount", "is_rung", "RECORD");

        for (Script script : all()) {
            String code = codeOf(script);
            for (String name : names) {
                Matcher first = Pattern.compile("\\b" + name + "\\b").matcher(code);
                if (first.find()) {
                    assertThat(code.substring(code.lastIndexOf('\n', first.start()) + 1, first.start()))
                            .as(name + " first met in%n%s", code)
                            .startsWith("local ");
                }
            }
        }
    }

    @Test
    void whatNobodyUsesIsLeftOut() throws IllegalAccessException {
        assertThat(codeOf(Script.ENQUEUE)).contains("function lengths").doesNotContain("function recount");
        assertThat(codeOf(Script.EXCHANGE)).contains("function recount").doesNotContain("function forgive");
        for (Script script : all()) {
            String code = codeOf(script);
            for (MatchResult function : FUNCTION.matcher(code).results().toList()) {
                assertThat(code.split("\\b" + function.group(1) + "\\b", -1))
                        .as(function.group() + " is used in%n%s", code)
                        .hasSizeGreaterThan(2);
            }
        }
    }

    private static Stream<String> inCommon(Pattern definition) {
        try {
            return definition.matcher(Files.readString(COMMON)).results().map(found -> found.group(1));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Script> all() throws IllegalAccessException {
        List<Field> constants = Arrays.stream(Script.class.getDeclaredFields())
                .filter(field -> field.getType() == Script.class)
                .toList();
        assertThat(constants).hasSizeGreaterThan(20);
        Script[] scripts = new Script[constants.size()];
        for (int i = 0; i < scripts.length; i++) {
            scripts[i] = (Script) constants.get(i).get(null);
        }
        return List.of(scripts);
    }

    private static String codeOf(Script script) {
        return new String(script.text(), StandardCharsets.UTF_8).replaceAll("--[^\\n]*", "");
    }
}
