package dev.sluice.app.command;

import dev.sluice.app.config.Similar;
import dev.sluice.task.Durability;
import dev.sluice.task.InvalidTaskException;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads {@code memory}, {@code replicated:N} and {@code fsync}. */
final class DurabilityConverter implements ITypeConverter<Durability> {
    private static final String REPLICATED = "replicated:";

    @Override
    public Durability convert(String text) {
        if (text.equals("memory")) {
            return Durability.memory();
        } else if (text.equals("fsync")) {
            return Durability.fsync();
        } else if (text.startsWith(REPLICATED)) {
            return replicated(text.substring(REPLICATED.length()));
        }
        throw new TypeConversionException("must be memory, replicated:N or fsync, was '" + text + "'"
                + Similar.to(text, List.of("memory", "fsync"))
                        .map(it -> "; did you mean " + it + "?")
                        .orElse(""));
    }

    private static Durability replicated(String number) {
        try {
            return Durability.replicated(Integer.parseInt(number));
        } catch (NumberFormatException | InvalidTaskException e) {
            throw new TypeConversionException(
                    "N of replicated:N must be 1 to " + Durability.MAX_REPLICAS + ", was '" + number + "'");
        }
    }
}
