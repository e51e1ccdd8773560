package dev.sluice.app.config;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.resolver.JsonScalarResolver;
import org.snakeyaml.engine.v2.resolver.ScalarResolver;
import org.snakeyaml.engine.v2.schema.JsonSchema;

/** Reads a file into values by key. Every mistake names file, line and column; reading goes on behind it. */
final class YamlFile {
    /** That of JSON, to which "~" is null besides, as to whoever writes YAML. */
    private static final JsonSchema WITH_TILDE = new JsonSchema() {
        @Override
        public ScalarResolver getScalarResolver() {
            JsonScalarResolver resolver = new JsonScalarResolver();
            resolver.addImplicitResolver(Tag.NULL, Pattern.compile("^~$"), "~");
            return resolver;
        }
    };

    private static final String QUEUES = "queues";
    private static final String TYPES = "types";
    private static final String HANDLERS = "handlers";
    private static final String SCHEDULES = "schedules";
    private static final int LONGEST = 1 << 20;
    private static final int DEEPEST = 64;

    private final String name;
    private final Environment environment;
    private final Problems problems;
    private final Map<Key, Given> values;
    private final Map<Scope, Source> scopes;

    /** Found values go to {@code values}, the queues and types that it names to {@code scopes}. */
    YamlFile(Path file, Environment environment, Problems problems, Map<Key, Given> values, Map<Scope, Source> scopes) {
        this.name = file.toString();
        this.environment = environment;
        this.problems = problems;
        this.values = values;
        this.scopes = scopes;
    }

    void read() {
        String text = text();
        Node root = text == null ? null : parse(text);
        if (root instanceof MappingNode mapping) {
            readGroup(mapping, "", Scope.PROGRAM);
        } else if (root != null && !isNull(root)) {
            problems.add(at(root), "must be a mapping of settings, was " + shape(root));
        }
    }

    private @Nullable String text() {
        Source file = Source.file(name, 0, 0);
        try {
            Path path = Path.of(name);
            if (Files.size(path) > LONGEST) {
                problems.add(file, "has more than " + LONGEST + " bytes, which is no configuration");
                return null;
            }
            String text = Files.readString(path);
            return text.startsWith("\ufeff") ? text.substring(1) : text;
        } catch (NoSuchFileException e) {
            problems.add(file, "no such file");
        } catch (CharacterCodingException e) {
            problems.add(file, "is no UTF-8 text");
        } catch (IOException e) {
            problems.add(file, Files.isDirectory(Path.of(name)) ? "is a folder" : "cannot be read: " + e.getMessage());
        }
        return null;
    }

    private @Nullable Node parse(String text) {
        if (nesting(text) > DEEPEST) {
            problems.add(Source.file(name, 0, 0), "has brackets " + DEEPEST + " deep, which is no configuration");
            return null;
        }
        try {
            return new Compose(LoadSettings.builder()
                            .setLabel(name)
                            .setAllowNonScalarKeys(true)
                            .setSchema(WITH_TILDE)
                            .build())
                    .composeString(text)
                    .orElse(null);
        } catch (MarkedYamlEngineException e) {
            Optional<Mark> mark = e.getProblemMark().or(e::getContextMark);
            problems.add(
                    mark.map(this::at).orElse(Source.file(name, 0, 0)), "is no YAML: " + problem(e) + hint(text, mark));
        } catch (YamlEngineException e) {
            problems.add(
                    Source.file(name, 0, 0),
                    "is no YAML: "
                            + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        } catch (StackOverflowError tooDeep) { // lists in lists need no brackets
            problems.add(Source.file(name, 0, 0), "is nested too deep, which is no configuration");
        }
        return null;
    }

    // The parser says that a character cannot start any token, or ends a sentence that it began elsewhere.
    private static String problem(MarkedYamlEngineException e) {
        if (e.getProblem().contains("(TAB)")) {
            return "a tab is there; indent with spaces";
        }
        return e.getProblem().equals("but found another document") ? "a second document begins here" : e.getProblem();
    }

    // The parser recurses into brackets.
    private static int nesting(String text) {
        int depth = 0;
        int deepest = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '[' || c == '{') {
                deepest = Math.max(deepest, ++depth);
            } else if (c == ']' || c == '}') {
                depth--;
            }
        }
        return deepest;
    }

    private static String hint(String text, Optional<Mark> mark) {
        List<String> lines = text.lines().toList();
        boolean mentions = mark.map(Mark::getLine)
                .filter(line -> line < lines.size())
                .filter(line -> lines.get(line).contains("${"))
                .isPresent();
        return mentions ? "; put quotes around a value with ${…}" : "";
    }

    private void readGroup(MappingNode group, String prefix, Scope scope) {
        Set<String> seen = new HashSet<>();
        for (NodeTuple entry : group.getValue()) {
            String word = word(entry.getKeyNode(), seen);
            if (word == null) {
                continue;
            }
            String path = prefix + word;
            if (word.indexOf('.') >= 0) { // or a setting could be there twice, in two ways
                problems.add(
                        at(entry.getKeyNode()),
                        scope.absolute(path),
                        "is an unknown key; write a mapping for each part of it, one inside the other");
                continue;
            }
            Setting<?> setting = scope.settings().stream()
                    .filter(it -> it.path().equals(path))
                    .findFirst()
                    .orElse(null);
            if (setting != null) {
                readValue(new Key(scope, setting), entry.getValueNode());
            } else if (scope.equals(Scope.PROGRAM) && path.equals(QUEUES)) {
                readQueues(entry);
            } else if (scope.isQueue() && path.equals(TYPES)) {
                readTypes(entry.getValueNode(), scope.absolute(TYPES), scope::withType);
            } else if (scope.equals(Scope.PROGRAM) && path.equals(HANDLERS)) {
                readTypes(entry.getValueNode(), HANDLERS, Scope::ofHandler);
            } else if (scope.isQueue() && path.equals(SCHEDULES)) {
                readSchedules(entry.getValueNode(), scope);
            } else if (scope.settings().stream().anyMatch(it -> it.path().startsWith(path + "."))) {
                readNested(entry.getValueNode(), path, scope);
            } else {
                problems.add(
                        at(entry.getKeyNode()), scope.absolute(path), "is an unknown key" + meant(word, prefix, scope));
            }
        }
    }

    private void readNested(Node node, String path, Scope scope) {
        if (node instanceof MappingNode mapping) {
            readGroup(mapping, path + ".", scope);
        } else if (!isNull(node)) {
            problems.add(
                    at(node),
                    scope.absolute(path),
                    "must be a mapping of " + String.join(", ", children(path + ".", scope)) + ", was " + shape(node));
        }
    }

    private void readQueues(NodeTuple entry) {
        if (!(entry.getValueNode() instanceof MappingNode names)
                || names.getValue().isEmpty()) {
            problems.add(
                    at(entry.getKeyNode()),
                    QUEUES,
                    "must be a mapping of queue names to their settings; without it " + Catalog.QUICK_START_QUEUE
                            + " is served");
            return;
        }
        Set<String> seen = new HashSet<>();
        for (NodeTuple queue : names.getValue()) {
            String word = word(queue.getKeyNode(), seen);
            if (word == null) {
                continue;
            }
            if (word.isEmpty()) {
                problems.add(at(queue.getKeyNode()), QUEUES, "must name queues, one has an empty name");
                continue;
            }
            Scope scope = Scope.of(word);
            scopes.put(scope, at(queue.getKeyNode()));
            if (queue.getValueNode() instanceof MappingNode its) {
                readGroup(its, "", scope);
            } else if (!isNull(queue.getValueNode())) {
                problems.add(
                        at(queue.getValueNode()),
                        QUEUES + "." + word,
                        "must be a mapping of settings, was " + shape(queue.getValueNode()));
            }
        }
    }

    private void readTypes(Node node, String path, Function<String, Scope> scopeOf) {
        readParts(
                node,
                path,
                "task types",
                type -> Task.isValidType(type)
                        ? null
                        : "must name types of 1 to 256 bytes without control characters, was '" + type + "'",
                scopeOf);
    }

    private void readSchedules(Node node, Scope queue) {
        readParts(node, queue.absolute(SCHEDULES), "names of schedules", YamlFile::objection, queue::withSchedule);
    }

    private static @Nullable String objection(String schedule) {
        try {
            Schedule.checkName(schedule);
            return null;
        } catch (InvalidTaskException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Each part that has a name and settings of its own. */
    private void readParts(
            Node node,
            String path,
            String what,
            Function<String, @Nullable String> objection,
            Function<String, Scope> scopeOf) {
        if (!(node instanceof MappingNode names)) {
            if (!isNull(node)) {
                problems.add(at(node), path, "must be a mapping of " + what + " to their settings, was " + shape(node));
            }
            return;
        }
        Set<String> seen = new HashSet<>();
        for (NodeTuple part : names.getValue()) {
            String word = word(part.getKeyNode(), seen);
            if (word == null) {
                continue;
            }
            String wrong = objection.apply(word);
            if (wrong != null) {
                problems.add(at(part.getKeyNode()), path, wrong);
                continue;
            }
            Scope scope = scopeOf.apply(word);
            scopes.put(scope, at(part.getKeyNode()));
            if (part.getValueNode() instanceof MappingNode its) {
                readGroup(its, "", scope);
            } else if (!isNull(part.getValueNode())) {
                problems.add(
                        at(part.getValueNode()),
                        path + "." + word,
                        "must be a mapping of settings, was " + shape(part.getValueNode()));
            }
        }
    }

    /** Each rule is looked at where it stands; together they become the text that a variable could have. */
    private void readRules(Key key, MappingNode node) {
        List<String> rules = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        int before = problems.count();
        for (NodeTuple entry : node.getValue()) {
            String name = word(entry.getKeyNode(), seen);
            if (name == null) {
                continue;
            }
            String path = key.path() + "." + name;
            if (!(entry.getValueNode() instanceof ScalarNode then)) {
                problems.add(
                        at(entry.getValueNode()),
                        path,
                        "must be retry, retry DURATION, dead or discard, was " + shape(entry.getValueNode()));
                continue;
            }
            try {
                rules.add(FailureRule.of(name, environment.fillIn(then.getValue()))
                        .toString());
            } catch (IllegalArgumentException e) {
                problems.add(at(then), path, String.valueOf(e.getMessage()));
            }
        }
        if (problems.count() == before) {
            values.put(key, new Given(rules.isEmpty() ? Kind.NONE : String.join(", ", rules), at(node)));
        }
    }

    /** Becomes the text that a variable could have. */
    private void readList(Key key, SequenceNode list) {
        List<String> texts = new ArrayList<>();
        int before = problems.count();
        for (Node one : list.getValue()) {
            try {
                if (one instanceof ScalarNode scalar && !isNull(one)) {
                    texts.add(environment.fillIn(scalar.getValue()));
                } else {
                    problems.add(at(one), key.path(), "must be a list of single values, has " + shape(one));
                }
            } catch (IllegalArgumentException e) {
                problems.add(at(one), key.path(), String.valueOf(e.getMessage()));
            }
        }
        if (problems.count() == before) {
            values.put(key, new Given(texts.isEmpty() ? key.standard() : String.join(", ", texts), at(list)));
        }
    }

    private void readValue(Key key, Node node) {
        if (node instanceof MappingNode mapping && key.setting().equals(Catalog.RULES)) {
            readRules(key, mapping);
        } else if (node instanceof SequenceNode list && Catalog.LISTS.contains(key.setting())) {
            readList(key, list);
        } else if (!(node instanceof ScalarNode scalar)) {
            problems.add(at(node), key.path(), "must be " + key.setting().kind().form() + ", was " + shape(node));
        } else if (isNull(node) && !key.setting().kind().optional()) {
            problems.add(
                    at(node),
                    key.path(),
                    "has no value; remove it, or write " + key.setting().kind().form());
        } else {
            try {
                String text = isNull(node) ? Kind.NONE : environment.fillIn(scalar.getValue());
                values.put(key, new Given(text, at(node)));
            } catch (IllegalArgumentException e) {
                problems.add(at(node), key.path(), String.valueOf(e.getMessage()));
            }
        }
    }

    /** The text of a key that was not there before; null after saying what is wrong with it. */
    private @Nullable String word(Node key, Set<String> seen) {
        if (!(key instanceof ScalarNode scalar)) {
            problems.add(at(key), "a key must be a word, was " + shape(key));
            return null;
        }
        if (!seen.add(scalar.getValue())) {
            problems.add(at(key), scalar.getValue(), "is there twice");
            return null;
        }
        return scalar.getValue();
    }

    private static String meant(String word, String prefix, Scope scope) {
        Collection<String> siblings = children(prefix, scope);
        return Similar.to(word, siblings)
                .or(() -> Stream.concat(Catalog.GLOBAL.stream(), Catalog.OF_A_QUEUE.stream())
                        .filter(setting -> setting.name().equals(word))
                        .map(setting -> place(setting, scope))
                        .findFirst())
                .map(it -> "; did you mean " + it + "?")
                .orElse("; known here: " + String.join(", ", siblings));
    }

    private static String place(Setting<?> setting, Scope scope) {
        Scope queue = Scope.of(scope.queue().isEmpty() ? "NAME" : scope.queue());
        boolean here = scope.settings().contains(setting);
        return (here ? scope : Catalog.GLOBAL.contains(setting) ? Scope.PROGRAM : queue).absolute(setting.path());
    }

    private static List<String> children(String prefix, Scope scope) {
        return Stream.concat(
                        scope.settings().stream()
                                .map(Setting::path)
                                .filter(path -> path.startsWith(prefix))
                                .map(path -> path.substring(prefix.length()).split("\\.", 2)[0]),
                        prefix.isEmpty() ? groups(scope) : Stream.of())
                .distinct()
                .toList();
    }

    private static Stream<String> groups(Scope scope) {
        if (scope.equals(Scope.PROGRAM)) {
            return Stream.of(QUEUES, HANDLERS);
        }
        return scope.isQueue() ? Stream.of(TYPES, SCHEDULES) : Stream.of();
    }

    private static boolean isNull(Node node) {
        return node.getTag().equals(Tag.NULL);
    }

    private static String shape(Node node) {
        return node instanceof MappingNode ? "a mapping" : node instanceof SequenceNode ? "a list" : "a single value";
    }

    private Source at(Node node) {
        return node.getStartMark().map(this::at).orElse(Source.file(name, 0, 0));
    }

    private Source at(Mark mark) {
        return Source.file(name, mark.getLine() + 1, mark.getColumn() + 1);
    }
}
