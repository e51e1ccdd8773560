package dev.sluice.app.config;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The environment variables: those that files mention, and those that override them. An empty one counts as not set. */
final class Environment {
    /** What platforms offer a Redis under; {@code SLUICE_REDIS_URL} wins. */
    static final String PLATFORMS_REDIS_URL = "REDIS_URL";

    private static final List<String> OURS = List.of(Key.VARIABLES + "QUEUES_", Key.VARIABLES + "HANDLERS_");
    private static final List<String> OTHERS = List.of(Configuration.FILE_VARIABLE, Key.VARIABLES + "REDIS_BINARY");
    // Kubernetes sets these in every pod for every service, and so for one that is called sluice.
    private static final Pattern SET_BY_KUBERNETES =
            Pattern.compile(".*_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\\d+_(TCP|UDP).*)?)");
    private static final Pattern MENTION =
            Pattern.compile("\\$(\\$\\{)|\\$\\{([A-Za-z_][A-Za-z0-9_]*)(:([^}]*))?}|\\$\\{");

    private static final int LONG = 8;

    private final Map<String, String> variables;
    private final Set<String> mentioned = new HashSet<>();

    Environment(Map<String, String> variables) {
        this.variables = new TreeMap<>(variables);
        this.variables.values().removeIf(String::isBlank);
    }

    /**
     * {@code text} with <code>${NAME}</code> and <code>${NAME:default}</code> filled in; <code>$${</code> stands for
     * <code>${</code>.
     *
     * @throws IllegalArgumentException if a variable without a default is not set, or a mention cannot be read
     */
    String fillIn(String text) {
        return MENTION.matcher(text).replaceAll(found -> Matcher.quoteReplacement(replacement(found)));
    }

    private String replacement(java.util.regex.MatchResult found) {
        if (found.group(1) != null) {
            return found.group(1);
        }
        String name = found.group(2);
        if (name == null) {
            throw new IllegalArgumentException(
                    "has a '${' that is no ${NAME} or ${NAME:default}; write $${ for the characters themselves");
        }
        mentioned.add(name);
        String value = variables.get(name);
        if (value != null) {
            return value;
        }
        if (found.group(3) == null) {
            throw new IllegalArgumentException("needs the environment variable " + name + ", which is not set; ${"
                    + name + ":value} gives a default");
        }
        if (found.group(4).contains("{")) {
            throw new IllegalArgumentException("has a default for " + name
                    + " with a '{' in it, and would end at the first '}': a default has no braces");
        }
        return found.group(4);
    }

    /** Overlays {@code values} with what variables say about {@code keys}. */
    void override(Map<Key, Given> values, Collection<Key> keys, Problems problems) {
        overrideRedis(values);
        for (Map.Entry<String, String> variable : variables.entrySet()) {
            String name = variable.getKey();
            if (!name.startsWith(Key.VARIABLES)) {
                continue;
            }
            List<Key> meant =
                    keys.stream().filter(key -> key.variable().equals(name)).toList();
            if (meant.size() == 1) {
                values.put(meant.get(0), new Given(variable.getValue(), Source.variable(name)));
            } else if (!meant.isEmpty()) {
                problems.add(
                        Source.variable(name),
                        "could mean " + meant.get(0).path() + " or "
                                + meant.get(1).path() + "; set it in the file");
            } else {
                lookAt(name, keys, problems);
            }
        }
    }

    private void overrideRedis(Map<Key, Given> values) {
        String url = variables.get(PLATFORMS_REDIS_URL);
        if (url != null) {
            values.put(Key.of(Catalog.REDIS_URL), new Given(url, Source.variable(PLATFORMS_REDIS_URL)));
        }
    }

    // Others' variables may begin like ours; what looks like a slip of the pen is one, unless the file itself names it.
    private void lookAt(String name, Collection<Key> keys, Problems problems) {
        if (OTHERS.contains(name) || mentioned.contains(name)) {
            return;
        }
        int slips = name.length() - Key.VARIABLES.length() < LONG ? 1 : 2; // SLUICE_RELEASE is no SLUICE_LEASE
        List<String> known =
                Stream.concat(OTHERS.stream(), keys.stream().map(Key::variable)).toList();
        Optional<String> meant = Similar.to(name, known).filter(it -> Similar.edits(name, it) <= slips);
        boolean ours = OURS.stream().anyMatch(name::startsWith) || meant.isPresent();
        if (ours && !SET_BY_KUBERNETES.matcher(name).matches()) {
            problems.add(
                    Source.variable(name),
                    "is no setting of a known queue or handler"
                            + meant.map(it -> "; did you mean " + it + "?").orElse(""));
        }
    }

    @Nullable
    String get(String name) {
        return variables.get(name);
    }
}
