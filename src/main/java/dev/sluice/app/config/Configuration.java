package dev.sluice.app.config;

import dev.sluice.redis.RedisUrl;
import dev.sluice.task.DeliveryMode;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Everything that was set, by whom, and what follows from it. A flag wins over a variable, a variable over the file, the
 * file over the default. Immutable.
 */
public final class Configuration {
    /** The variable that names the file where no flag does. */
    public static final String FILE_VARIABLE = "SLUICE_CONFIG";

    private final Map<Key, Given> values;
    private final Settings settings;
    private final @Nullable Path file;

    private Configuration(Map<Key, Given> values, Settings settings, @Nullable Path file) {
        this.values = values;
        this.settings = settings;
        this.file = file;
    }

    /**
     * Reads all of it. Blocks for the file.
     *
     * @param named the file; null = the one that {@value #FILE_VARIABLE} names, or none
     * @param environment the environment variables
     * @param flags what was given on the command line, by the option's name, such as {@code --redis}
     * @throws ConfigurationException if anything is wrong; its message tells every mistake
     */
    public static Configuration load(@Nullable Path named, Map<String, String> environment, Map<String, String> flags) {
        Environment variables = new Environment(environment);
        Problems problems = new Problems();
        Path file = named == null ? ofVariable(variables) : named;
        Map<Key, Given> given = new HashMap<>();
        Map<Scope, Source> scopes = new LinkedHashMap<>();
        if (file != null) {
            new YamlFile(file, variables, problems, given, scopes).read();
        }
        if (scopes.keySet().stream().noneMatch(Scope::isQueue)) {
            scopes.put(Scope.of(Catalog.QUICK_START_QUEUE), Source.DEFAULT);
        }
        List<Key> keys = keys(scopes.keySet());
        variables.override(given, keys, problems);
        keys.forEach(key -> {
            String text = flags.get(String.valueOf(key.setting().flag()));
            if (text != null && !key.scope().isType()) {
                given.put(
                        key,
                        new Given(text, Source.flag(String.valueOf(key.setting().flag()))));
            }
        });
        Map<Key, Given> values = new LinkedHashMap<>();
        keys.forEach(key -> values.put(key, given.getOrDefault(key, inherited(key, values))));
        return new Configuration(values, new Reading(values, scopes, problems).settings(), file);
    }

    private static @Nullable Path ofVariable(Environment variables) {
        String file = variables.get(FILE_VARIABLE);
        try {
            return file == null ? null : Path.of(file);
        } catch (InvalidPathException e) { // also where the locale lacks its characters
            throw new ConfigurationException(
                    List.of(Source.variable(FILE_VARIABLE).exactly() + ": '" + file + "' can name no file here: "
                            + e.getReason() + "; pass --config FILE, or set LC_ALL=C.UTF-8"));
        }
    }

    /** What to run with. */
    public Settings settings() {
        return settings;
    }

    /** The file that was read; null if there was none. */
    public @Nullable Path file() {
        return file;
    }

    /** Every value that has a meaning, in the order of the manual, with passwords and secrets masked. */
    public List<Effective> effective() {
        return values.entrySet().stream()
                .filter(entry -> !isWithoutMeaning(entry.getKey()))
                .map(entry -> new Effective(
                        entry.getKey().path(),
                        shown(entry.getKey().setting(), entry.getValue().text()),
                        entry.getValue().source().toString()))
                .toList();
    }

    /** Of retries where nothing is tried again, or of ends where no step is one. */
    private boolean isWithoutMeaning(Key key) {
        Given delivery = values.get(new Key(Scope.of(key.scope().queue()), Catalog.DELIVERY));
        return (Catalog.OF_RETRIES.contains(key.setting())
                        || Catalog.OF_RESULTS.contains(key.setting())
                        || key.setting().equals(Catalog.CALLBACK))
                && delivery != null
                && delivery.text().equals(DeliveryMode.AT_MOST_ONCE.word());
    }

    private static String shown(Setting<?> setting, String text) {
        if (Catalog.SECRET.contains(setting)) {
            return text.equals(Kind.NONE) ? text : "***";
        }
        boolean isUrl = setting.equals(Catalog.REDIS_URL) || setting.equals(Catalog.PUSH_URL);
        return isUrl ? RedisUrl.masked(text) : text;
    }

    /** What holds without a word: for a type what its queue has, which comes before it. */
    private static Given inherited(Key key, Map<Key, Given> values) {
        Given standard = new Given(key.standard(), Source.DEFAULT);
        return key.scope().isType()
                ? values.getOrDefault(new Key(Scope.of(key.scope().queue()), key.setting()), standard)
                : standard;
    }

    private static List<Key> keys(Collection<Scope> scopes) {
        List<Key> keys = new ArrayList<>();
        Catalog.GLOBAL.forEach(setting -> keys.add(Key.of(setting)));
        scopes.forEach(scope -> scope.settings().forEach(setting -> keys.add(new Key(scope, setting))));
        return keys;
    }

    /**
     * One value.
     *
     * @param key its path in the file
     * @param value as it would be written
     * @param source {@code default}, {@code FILE:LINE}, {@code env NAME} or {@code flag --NAME}
     */
    public record Effective(String key, String value, String source) {}
}
