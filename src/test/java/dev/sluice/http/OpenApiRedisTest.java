package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The description and the server agree; that answers are as described, {@link Web} checks in every test. */
@OnEveryRedis
@Timeout(60)
class OpenApiRedisTest {
    @Test
    void everyReferenceLeadsSomewhere() {
        assertThat(Contract.brokenReferences()).isEmpty();
    }

    @Test
    void everyOperationThatIsDescribedIsThere(RedisServer redis) {
        try (Web web =
                Web.over(redis.uri(), api -> api.queue(Queue.named("mail")).metrics(() -> "up 1\n"))) {
            assertThat(Contract.operations()).hasSizeGreaterThan(28).allSatisfy(operation -> {
                String[] parts = operation
                        .replace("{queue}", "mail")
                        .replace("{id}", "a")
                        .replace("{name}", "a")
                        .split(" ", -1);
                String method = parts[1].endsWith("/events") ? "HEAD" : parts[0]; // for it has no end
                Web.Told told = web.ask(method, parts[1], "");
                assertThat(told.text()).as(operation).doesNotContain("\"not-found\"", "\"method-not-allowed\"");
            });
        }
    }

    @Test
    void everyCodeOfTheCodeIsDescribed() throws Exception {
        String sources = "";
        try (var files = Files.walk(
                Path.of(System.getProperty("basedir", "."), "src", "main", "java", "dev", "sluice", "http"))) {
            for (var file : files.filter(it -> it.toString().endsWith(".java")).toList()) {
                sources += Files.readString(file);
            }
        }
        List<String> codes = Pattern.compile("(?:of|passing)\\(\\s*\\d{3},\\s*\"([a-z-]+)\"")
                .matcher(sources)
                .results()
                .map(found -> found.group(1))
                .distinct()
                .toList();

        assertThat(codes).hasSizeGreaterThan(15).isSubsetOf(Contract.codes());
    }
}
