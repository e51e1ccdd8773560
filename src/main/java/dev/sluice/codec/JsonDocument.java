package dev.sluice.codec;

import dev.sluice.task.Failure;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.io.JsonStringEncoder;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/**
 * A JSON object that is put together field by field, and written once. Fields keep their order.
 *
 * <p>Not thread-safe; does not block.
 */
public final class JsonDocument {
    private static final JsonFactory JSON = JsonFactory.builder()
            .recyclerPool(JsonRecyclerPools.threadLocalPool()) // as in EnvelopeReader
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();
    private static final Parsers PARSERS = new Parsers(JSON);
    private static final JsonStringEncoder ENCODER = JsonStringEncoder.getInstance();

    private final Map<String, @Nullable Object> fields = new LinkedHashMap<>();

    /** A failure as whoever asks from outside sees it, which is without its trace; null for null. */
    public static @Nullable JsonDocument of(@Nullable Failure failure) {
        return failure == null
                ? null
                : new JsonDocument()
                        .put("reason", failure.reason())
                        .put("error", failure.type())
                        .put("message", failure.message());
    }

    /**
     * Adds a field, or changes it.
     *
     * @param value text, a whole number, a boolean, a document, a list or a map by names of these, or null; of anything else
     *     its {@code toString()} is written as text
     */
    public JsonDocument put(String name, @Nullable Object value) {
        fields.put(name, value);
        return this;
    }

    /** Adds a field whose value is JSON already: one well-formed value in UTF-8, which goes in as it is. */
    public JsonDocument putJson(String name, byte[] json) {
        fields.put(name, new Raw(new String(json, StandardCharsets.UTF_8)));
        return this;
    }

    /** The object in UTF-8, on one line unless {@link #putJson} brought others. */
    public byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
            write(fields, json);
        }
        return bytes.toByteArray();
    }

    /** The same as text. */
    @Override
    public String toString() {
        return new String(toBytes(), StandardCharsets.UTF_8);
    }

    /** Whether these bytes are one well-formed JSON value in UTF-8, in which a name may occur twice. */
    public static boolean isJson(byte[] bytes) {
        if (!Utf8.isText(bytes, 0, bytes.length)) {
            return false;
        }
        try (JsonParser parser = PARSERS.of(bytes, 0, bytes.length)) {
            if (parser.nextToken() == null) {
                return false;
            }
            parser.skipChildren();
            return parser.nextToken() == null;
        } catch (JacksonException malformed) {
            return false;
        }
    }

    /** Appends {@code text} as a JSON string, with its quotes, to what is put together without a document. */
    public static void quote(String text, StringBuilder to) {
        to.append('"');
        ENCODER.quoteAsString(text, to);
        to.append('"');
    }

    private static void write(Map<?, ?> object, JsonGenerator json) {
        json.writeStartObject();
        object.forEach((name, value) -> {
            json.writeName(String.valueOf(name));
            write(value, json);
        });
        json.writeEndObject();
    }

    private static void write(@Nullable Object value, JsonGenerator json) {
        if (value == null) {
            json.writeNull();
        } else if (value instanceof JsonDocument document) {
            write(document.fields, json);
        } else if (value instanceof Map<?, ?> map) {
            write(map, json);
        } else if (value instanceof List<?> list) {
            json.writeStartArray();
            list.forEach(element -> write(element, json));
            json.writeEndArray();
        } else if (value instanceof Raw raw) {
            json.writeRawValue(raw.json);
        } else if (value instanceof Integer || value instanceof Long) {
            json.writeNumber(((Number) value).longValue());
        } else if (value instanceof Boolean truth) {
            json.writeBoolean(truth);
        } else {
            json.writeString(value.toString());
        }
    }

    private record Raw(String json) {}
}
