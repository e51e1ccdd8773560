package dev.sluice.app.command;

import dev.sluice.app.config.Configuration;
import dev.sluice.app.console.Table;
import dev.sluice.app.console.Terminal;
import dev.sluice.codec.JsonDocument;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sluice config}: checks the settings, and shows where each comes from. */
@Command(
        name = "config",
        description = {
            "Checks the settings that 'run' would use, and shows them.",
            "A flag wins over a variable, a variable over the file, the file over the default."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "Examples:",
            "  java -jar sluice-server.jar config --config config/sluice.yaml",
            "  java -jar sluice-server.jar config --config config/sluice.yaml --effective",
            "  SLUICE_LEASE=5s java -jar sluice-server.jar config --effective -o json",
            "",
            "Exit codes: 0 the settings are right, 2 they are not."
        })
final class ConfigCommand implements Callable<Integer> {
    @Mixin
    private final SettingOptions options = new SettingOptions();

    @Option(
            names = "--effective",
            description = "Print every value with its source: flag, variable, line of the file, or default.")
    private boolean effective;

    @Mixin
    private final OutputOption output = new OutputOption();

    private final Terminal terminal;

    ConfigCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Configuration configuration = options.load();
        if (output.isJson()) {
            terminal.say(json(configuration).toString());
        } else if (!effective) {
            terminal.say(summary(configuration));
        } else {
            Table table = new Table("SETTING", "VALUE", "SOURCE");
            configuration.effective().forEach(it -> table.row(it.key(), it.value(), it.source()));
            terminal.say(table.lines(terminal.isColoured()));
        }
        return 0;
    }

    private static String summary(Configuration configuration) {
        int queues = configuration.settings().queues().size();
        return (configuration.file() == null ? "No file" : configuration.file()) + ": valid, " + queues
                + (queues == 1 ? " queue" : " queues") + ". See every value with --effective.";
    }

    private static JsonDocument json(Configuration configuration) {
        List<JsonDocument> settings = configuration.effective().stream()
                .map(it -> new JsonDocument()
                        .put("key", it.key())
                        .put("value", it.value())
                        .put("source", it.source()))
                .toList();
        Path file = configuration.file();
        return new JsonDocument()
                .put("file", file == null ? null : file.toString())
                .put("settings", settings);
    }
}
