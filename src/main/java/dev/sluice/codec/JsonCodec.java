package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.StreamWriteConstraints;
import tools.jackson.core.StreamWriteFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.jsontype.BasicPolymorphicTypeValidator;

/**
 * Payloads as JSON, through Jackson 3.
 *
 * <p>Any class that Jackson can write and read will do: records, beans, collections, Jackson's own {@code JsonNode}.
 * Unknown fields are ignored, so that producers may be newer than handlers. Four types are special:
 *
 * <ul>
 *   <li>{@code byte[]} is JSON already: it is enqueued as it is, after a check that it is one JSON value, and a handler
 *       for it gets exactly the bytes that were enqueued, in an array of its own; white space around the value is no
 *       part of it. Data that is not JSON goes into a field of another type
 *   <li>{@code String} is a JSON string, not JSON text
 *   <li>{@code Void} takes no notice of the payload: null, whatever it is
 *   <li>{@code Object} becomes maps, lists, strings, numbers, booleans
 * </ul>
 *
 * <p>Refused: nesting deeper than 64, numbers of more than 1000 digits, names that occur twice in an object, anything
 * after the value, payloads longer than the limit. No payload can name a class: default typing is off, and classes that
 * ask for class names by annotation are refused.
 *
 * <p>Immutable; any thread; does not block. Keeps one reader for each of the first 1024 types it is asked for; those
 * after them work too, but slower.
 */
public final class JsonCodec implements PayloadCodec {

    /** The default for the longest payload: 256 KiB of JSON. */
    public static final int DEFAULT_LIMIT = 256 * 1024;

    private static final int MAX_READERS = 1024;
    private static final int MAX_NUMBER = 1000;

    private final int limit;
    private final JsonFactory factory;
    private final Parsers parsers;
    private final Map<Type, ObjectReader> readers = new ConcurrentHashMap<>();

    // Made at first use: it takes a tenth of a second of a fresh JVM, which a program that has no typed payload keeps.
    private volatile @Nullable ObjectWriter writer;
    private volatile @Nullable JsonMapper mapper;

    private JsonCodec(int limit) {
        this.limit = limit;
        this.factory = factory(limit);
        this.parsers = new Parsers(factory);
    }

    /** A codec with the default limit of 256 KiB. */
    public static JsonCodec standard() {
        return new JsonCodec(DEFAULT_LIMIT);
    }

    /**
     * A codec for payloads of up to {@code limit} bytes of JSON.
     *
     * @param limit 1 byte to 16 MiB
     * @throws InvalidTaskException if outside of that
     */
    public static JsonCodec withLimit(int limit) {
        if (limit < 1 || limit > 16 * 1024 * 1024) {
            throw new InvalidTaskException("limit", "the payload limit must be 1 to 16777216 bytes, was " + limit);
        }
        return new JsonCodec(limit);
    }

    /** The longest payload, in bytes of JSON. */
    public int limit() {
        return limit;
    }

    @Override
    public byte[] encode(@Nullable Object payload) {
        byte[] json = payload instanceof byte[] raw ? checked(raw) : written(payload);
        checkLength(json.length);
        return json;
    }

    @Override
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // T is what `type` says: the interface's contract
    public <T> @Nullable T decode(byte[] buffer, int offset, int length, Type type) {
        checkLength(length);
        if (type == Void.class || type == void.class) {
            return null;
        }
        if (type == byte[].class) {
            return (T) Arrays.copyOfRange(buffer, offset, offset + length);
        }
        requireUtf8(buffer, offset, length);
        try (JsonParser parser = parsers.of(mapper()._deserializationContext(), buffer, offset, length)) {
            return reader(type).readValue(parser);
        } catch (JacksonException problem) {
            throw PayloadProblem.reading(type, problem);
        }
    }

    private byte[] checked(byte[] raw) {
        checkLength(raw.length);
        requireUtf8(raw, 0, raw.length);
        try (JsonParser parser = parsers.of(raw, 0, raw.length)) {
            if (parser.nextToken() == null) {
                throw PayloadProblem.notOneValue("it is empty");
            }
            parser.skipChildren();
            if (parser.nextToken() != null) {
                throw PayloadProblem.notOneValue(
                        "something follows the value at " + Place.of(parser.currentTokenLocation()));
            }
            return raw;
        } catch (StreamConstraintsException tooMuch) {
            throw PayloadProblem.beyondLimits();
        } catch (JacksonException malformed) {
            throw PayloadProblem.notOneValue(Place.of(malformed));
        }
    }

    private byte[] written(@Nullable Object payload) {
        byte[] json;
        try {
            json = writer().writeValueAsBytes(payload);
        } catch (JacksonException problem) {
            throw PayloadProblem.writing(payload, problem);
        }
        return json.length > MAX_NUMBER ? checked(json) : json; // a number too long to be read is written all the same
    }

    private void checkLength(int length) {
        if (length > limit) {
            throw new PayloadTooLargeException(length, limit);
        }
    }

    private static void requireUtf8(byte[] buffer, int offset, int length) {
        if (!Utf8.isText(buffer, offset, length)) {
            throw PayloadProblem.notOneValue("it is not UTF-8 without a byte order mark");
        }
    }

    private ObjectReader reader(Type type) {
        ObjectReader reader = readers.get(type);
        return reader != null ? reader : newReader(type);
    }

    private ObjectReader newReader(Type type) {
        JsonMapper binding = mapper();
        ObjectReader reader = binding.readerFor(binding.constructType(type));
        if (readers.size() < MAX_READERS) { // may go over by as many as there are threads
            readers.put(type, reader);
        }
        return reader;
    }

    private ObjectWriter writer() {
        ObjectWriter made = writer;
        if (made == null) { // two threads may make one each, and either will do
            made = mapper().writer();
            writer = made;
        }
        return made;
    }

    private JsonMapper mapper() {
        JsonMapper made = mapper;
        if (made == null) {
            made = mapper(factory);
            mapper = made;
        }
        return made;
    }

    private static JsonFactory factory(int limit) {
        return JsonFactory.builder()
                .recyclerPool(JsonRecyclerPools.threadLocalPool()) // as in EnvelopeReader
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(Envelope.MAX_PAYLOAD_DEPTH)
                        .maxNumberLength(MAX_NUMBER)
                        .maxStringLength(limit)
                        .maxNameLength(limit)
                        .maxDocumentLength(limit)
                        .build())
                .streamWriteConstraints(StreamWriteConstraints.builder()
                        .maxNestingDepth(Envelope.MAX_PAYLOAD_DEPTH)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .enable(StreamWriteFeature.STRICT_DUPLICATE_DETECTION)
                .build();
    }

    private static JsonMapper mapper(JsonFactory json) {
        return JsonMapper.builder(json)
                .polymorphicTypeValidator(
                        BasicPolymorphicTypeValidator.builder().build()) // allows no class name
                .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .build();
    }
}
