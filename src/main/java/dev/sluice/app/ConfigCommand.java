package dev.sluice.app;

import dev.sluice.app.config.Configuration;
import dev.sluice.codec.JsonCodec;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

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

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            description = "The form of --effective: ${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.",
            defaultValue = "table")
    private Form form = Form.table;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        Configuration configuration = options.load();
        PrintWriter out = spec.commandLine().getOut();
        if (!effective) {
            out.println(summary(configuration));
        } else if (form == Form.json) {
            out.println(new String(JsonCodec.standard().encode(configuration.effective()), StandardCharsets.UTF_8));
        } else {
            table(configuration.effective()).forEach(out::println);
        }
        out.flush();
        return 0;
    }

    private static String summary(Configuration configuration) {
        int queues = configuration.settings().queues().size();
        return (configuration.file() == null ? "No file" : configuration.file()) + ": valid, " + queues
                + (queues == 1 ? " queue" : " queues") + ". See every value with --effective.";
    }

    private static List<String> table(List<Configuration.Effective> values) {
        int keys = values.stream().mapToInt(it -> it.key().length()).max().orElse(1);
        int texts = values.stream().mapToInt(it -> it.value().length()).max().orElse(1);
        return values.stream()
                .map(it -> String.format(
                        Locale.ROOT, "%-" + keys + "s  %-" + texts + "s  %s", it.key(), it.value(), it.source()))
                .toList();
    }

    /** How values are printed; the names are what is typed. */
    private enum Form {
        table,
        json
    }
}
