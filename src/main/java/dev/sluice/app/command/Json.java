package dev.sluice.app.command;

import dev.sluice.codec.JsonCodec;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The one JSON document that is a command's result for a program. */
final class Json {
    private static final JsonCodec CODEC = JsonCodec.withLimit(16 * 1024 * 1024);

    private final Map<String, @Nullable Object> fields = new LinkedHashMap<>();

    /** Adds a field: text, a number, a boolean, null, a list of these, or of {@link #map maps}. */
    Json put(String name, @Nullable Object value) {
        fields.put(name, value);
        return this;
    }

    Map<String, @Nullable Object> map() {
        return fields;
    }

    @Override
    public String toString() {
        return new String(CODEC.encode(fields), StandardCharsets.UTF_8);
    }
}
