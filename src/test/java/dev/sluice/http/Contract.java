package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLFactory;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** What {@code openapi.yaml} promises; each answer of {@link Web} is held against it. */
final class Contract {
    private static final JsonNode PAGE = read();
    private static final SchemaRegistry SCHEMAS = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);

    private static final Map<JsonNode, Schema> COMPILED = new ConcurrentHashMap<>();

    private Contract() {}

    /** Fails unless that operation may be answered like this. */
    static void check(String method, String target, Web.Told told) {
        String path = target.replaceFirst("\\?.*", "");
        JsonNode operation = operation(method, path);
        if (operation == null) {
            assertThat(told.status()).as("%s %s is not described", method, path).isIn(404, 405, 400);
            operation = PAGE.at("/paths/~1metrics/get"); // any whose refusal is the common one
        }
        JsonNode responses = operation.path("responses");
        JsonNode response = resolved(
                responses.has(Integer.toString(told.status()))
                        ? responses.get(Integer.toString(told.status()))
                        : responses.path("default"));
        assertThat(response.isMissingNode())
                .as("%s %s may not be answered with %s", method, path, told.status())
                .isFalse();
        String type = told.header("Content-Type").replaceFirst(";.*", "");
        JsonNode content = response.path("content").path(type);
        assertThat(content.isMissingNode())
                .as("%s %s is no %s", method, path, type)
                .isFalse();
        response.path("headers")
                .properties()
                .forEach(header -> assertThat(told.header(header.getKey())).isNotEmpty());
        if (type.matches(".*[/+]json") && !method.equals("HEAD")) {
            Schema schema = COMPILED.computeIfAbsent(content.path("schema"), Contract::compiled);
            assertThat(schema.validate(told.json()))
                    .as("%s %s: %s", method, path, told.text())
                    .isEmpty();
        }
    }

    /** Every operation that is described, such as {@code GET /livez}. */
    static Set<String> operations() {
        Set<String> all = new TreeSet<>();
        PAGE.path("paths")
                .properties()
                .forEach(path -> path.getValue().propertyNames().forEach(method -> {
                    if (!method.equals("parameters")) {
                        all.add(method.toUpperCase(Locale.ROOT) + " " + path.getKey());
                    }
                }));
        return all;
    }

    /** Every code that a problem may have. */
    static List<String> codes() {
        return PAGE.at("/components/schemas/Problem/properties/code/enum")
                .valueStream()
                .map(JsonNode::asString)
                .toList();
    }

    /** Every value that {@code $ref} has and that leads nowhere. */
    static Set<String> brokenReferences() {
        Set<String> broken = new LinkedHashSet<>();
        for (String target : new HashSet<>(PAGE.findValuesAsString("$ref"))) {
            if (PAGE.at(target.substring(1)).isMissingNode()) {
                broken.add(target);
            }
        }
        return broken;
    }

    private static JsonNode operation(String asked, String path) {
        String method = asked.equals("HEAD") ? "GET" : asked;
        JsonNode best = null;
        int fewest = Integer.MAX_VALUE;
        for (var entry : PAGE.path("paths").properties()) {
            String[] literals = entry.getKey().split("\\{[a-z]+}", -1);
            StringBuilder pattern = new StringBuilder(Pattern.quote(literals[0]));
            for (int i = 1; i < literals.length; i++) {
                pattern.append("[^/]+").append(Pattern.quote(literals[i]));
            }
            JsonNode found = entry.getValue().get(method.toLowerCase(Locale.ROOT));
            int literal = -String.join("", literals).length(); // the one that says most of it
            if (found != null && path.matches(pattern.toString()) && literal < fewest) {
                best = found;
                fewest = literal;
            }
        }
        return best;
    }

    private static JsonNode resolved(JsonNode node) {
        return node.has("$ref") ? PAGE.at(node.get("$ref").asString().substring(1)) : node;
    }

    private static Schema compiled(JsonNode schema) {
        ObjectNode whole = (ObjectNode) schema.deepCopy();
        whole.set("$defs", PAGE.at("/components/schemas"));
        return SCHEMAS.getSchema(whole.toString().replace("#/components/schemas/", "#/$defs/"));
    }

    private static JsonNode read() {
        try (InputStream yaml = HttpApi.class.getResourceAsStream("openapi.yaml")) {
            return new YAMLMapper(YAMLFactory.builder()
                            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                            .build())
                    .readTree(yaml);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
