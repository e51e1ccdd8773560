package dev.sluice.codec;

import dev.sluice.task.ResultRetention;
import dev.sluice.task.Task;
import dev.sluice.task.TaskId;
import dev.sluice.task.Verdict;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.JsonRecyclerPools;

/**
 * One pass over the tokens of one element.
 *
 * <p>The payload is skipped, not read: its place is where its first token starts and where the next token starts, less
 * the white space and the comma between them. Its inside is checked for well-formedness only; duplicate names in it are
 * the payload codec's to find.
 */
class EnvelopeReader {

    /** A bound on one string, far above any payload limit; the limit itself is checked by length elsewhere. */
    private static final int MAX_STRING = 20_000_000;

    private static final int MAX_NUMBER = 1000;
    private static final long MAX_TIME_MS = Task.MAX_DEADLINE.toEpochMilli();
    private static final long MAX_TIMEOUT_MS = Task.MAX_TIMEOUT.toMillis();
    private static final long MAX_KEPT_MS = ResultRetention.LONGEST.toMillis();
    private static final long MAX_WAIT_MS = Verdict.MAX_DELAY.toMillis();

    private static final Parsers JSON = new Parsers(JsonFactory.builder()
            .recyclerPool(JsonRecyclerPools.threadLocalPool()) // read on few threads; a fifth faster than the default
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(Envelope.MAX_PAYLOAD_DEPTH + 1) // the envelope is one level itself
                    .maxNumberLength(MAX_NUMBER)
                    .maxStringLength(MAX_STRING)
                    .maxNameLength(MAX_STRING) // or what the codec takes could not be read
                    .build())
            .build());

    private static final int ID = 1;
    private static final int TYPE = 1 << 1;
    private static final int PAYLOAD = 1 << 2;
    private static final int HEADERS = 1 << 3;
    private static final int MAX_ATTEMPTS = 1 << 4;
    private static final int TIMEOUT = 1 << 5;
    private static final int DEADLINE = 1 << 6;
    private static final int BACKOFF = 1 << 7;
    private static final int KEEP_RESULT = 1 << 8;

    @Nullable
    String id;

    boolean idInvalid;

    @Nullable
    String type;

    byte[] payloadBuffer;
    int payloadOffset;
    int payloadLength;
    Map<String, String> headers = Map.of();
    int maxAttempts;
    long @Nullable [] backoffMs;
    long timeoutMs;
    long deadlineMs;
    long keepResultMs;
    long enqueuedAtMs;

    private final int offset;
    private final int length;
    private int seen;
    private boolean aheadOfPayload;
    private boolean ended;

    EnvelopeReader(byte[] buffer, int offset, int length) {
        this.payloadBuffer = buffer;
        this.offset = offset;
        this.length = length;
    }

    static Envelope read(byte[] buffer, int offset, int length) {
        EnvelopeReader reader = new EnvelopeReader(buffer, offset, length);
        reader.read();
        return new Envelope(reader);
    }

    final void read() {
        if (!Utf8.isText(payloadBuffer, offset, length)) {
            throw new EnvelopeException("not-utf8", "the element is not UTF-8 without a byte order mark");
        }
        try (JsonParser parser = JSON.of(payloadBuffer, offset, length)) {
            element(parser);
        } catch (StreamConstraintsException tooMuch) {
            throw new EnvelopeException("beyond-limits", "the element exceeds a limit: " + limit(tooMuch));
        } catch (JacksonException malformed) {
            throw ended
                    ? unreadable("trailing-data", "is followed by something else", malformed)
                    : unreadable("not-json", "is not well-formed JSON", malformed);
        }
    }

    private void element(JsonParser parser) {
        JsonToken first = parser.nextToken();
        if (first == null) {
            throw new EnvelopeException("empty", "the element is empty");
        }
        if (first != JsonToken.START_OBJECT) {
            throw new EnvelopeException("not-an-object", "the element is not a JSON object");
        }
        for (String name = parser.nextName(); name != null; name = nextName(parser)) {
            field(name, parser.nextToken(), parser);
        }
        ended = true;
        if (parser.nextToken() != null) {
            throw new EnvelopeException("trailing-data", "the element is followed by something else");
        }
        if ((seen & PAYLOAD) == 0) {
            payloadBuffer = new byte[] {'n', 'u', 'l', 'l'};
            payloadOffset = 0;
            payloadLength = payloadBuffer.length;
        }
    }

    /** The name of the next field, or null at the end; the payload reads ahead by one token to find its own end. */
    private @Nullable String nextName(JsonParser parser) {
        if (!aheadOfPayload) {
            return parser.nextName();
        }
        aheadOfPayload = false;
        return parser.currentToken() == JsonToken.PROPERTY_NAME ? parser.currentName() : null;
    }

    void field(String name, JsonToken value, JsonParser parser) {
        switch (name) {
            case "id" -> {
                once(ID, name);
                id(value, parser);
            }
            case "type" -> {
                once(TYPE, name);
                type(value, parser);
            }
            case "payload" -> {
                once(PAYLOAD, name);
                payload(parser);
            }
            case "headers" -> {
                once(HEADERS, name);
                headers(value, parser);
            }
            case "maxAttempts" -> {
                once(MAX_ATTEMPTS, name);
                maxAttempts = (int) integer(name, value, parser, Integer.MAX_VALUE);
            }
            case "timeoutMs" -> {
                once(TIMEOUT, name);
                timeoutMs = integer(name, value, parser, MAX_TIMEOUT_MS);
            }
            case "deadline" -> {
                once(DEADLINE, name);
                deadlineMs = integer(name, value, parser, MAX_TIME_MS);
            }
            case "keepResultMs" -> {
                once(KEEP_RESULT, name);
                keepResultMs = integer(name, value, parser, MAX_KEPT_MS);
            }
            case "backoff" -> {
                once(BACKOFF, name);
                backoff(value, parser);
            }
            case "enqueuedAt" -> enqueuedAtMs = timeOrNone(value, parser);
            default -> parser.skipChildren();
        }
    }

    final void once(int field, String name) {
        if ((seen & field) != 0) {
            throw new EnvelopeException("duplicate-field:" + name, "the field " + name + " is there twice");
        }
        seen |= field;
    }

    private void id(JsonToken value, JsonParser parser) {
        if (value == JsonToken.VALUE_STRING || value == JsonToken.VALUE_NUMBER_INT) {
            String text = parser.getString();
            idInvalid = !TaskId.isValid(text);
            id = idInvalid ? null : text;
        } else {
            idInvalid = value != JsonToken.VALUE_NULL;
            parser.skipChildren();
        }
    }

    private void type(JsonToken value, JsonParser parser) {
        if (value == JsonToken.VALUE_STRING) {
            type = parser.getString();
        }
        if (type == null ? value != JsonToken.VALUE_NULL : !Task.isValidType(type)) {
            throw badField("type", "a string of 1 to 256 UTF-8 bytes without control characters");
        }
    }

    private void payload(JsonParser parser) {
        int start = offset + (int) parser.currentTokenLocation().getByteOffset();
        parser.skipChildren();
        JsonToken next = parser.nextToken();
        aheadOfPayload = true;
        int end = offset
                + (next == null ? length : (int) parser.currentTokenLocation().getByteOffset());
        payloadOffset = start;
        payloadLength = lastByte(end) + 1 - start;
    }

    /** Back from the next token over white space and the comma: no JSON value ends in one of these. */
    private int lastByte(int next) {
        int last = next - 1;
        while (payloadBuffer[last] <= ' ' || payloadBuffer[last] == ',') {
            last--;
        }
        return last;
    }

    private void headers(JsonToken value, JsonParser parser) {
        if (value == JsonToken.VALUE_NULL) {
            return;
        }
        if (value != JsonToken.START_OBJECT) {
            throw badField("headers", "an object of strings");
        }
        Map<String, String> read = new LinkedHashMap<>();
        for (String name = parser.nextName(); name != null; name = parser.nextName()) {
            String text = parser.nextStringValue();
            if (text == null || !Task.isValidHeader(name, text) || read.put(name, text) != null) {
                throw badField(
                        "headers",
                        "an object of strings without control characters, of at most " + Task.MAX_HEADER_VALUE_BYTES
                                + " bytes, whose names have at most " + Task.MAX_HEADER_NAME_BYTES + ", none twice");
            }
            if (read.size() > Task.MAX_HEADERS) {
                throw badField("headers", "an object of at most " + Task.MAX_HEADERS + " strings");
            }
        }
        headers = Collections.unmodifiableMap(read);
    }

    private void backoff(JsonToken value, JsonParser parser) {
        if (value == JsonToken.VALUE_NULL) {
            return;
        }
        long[] waits = new long[Task.MAX_WAITS];
        int count = 0;
        boolean sound = value == JsonToken.START_ARRAY;
        while (sound && parser.nextToken() != JsonToken.END_ARRAY) {
            sound = count < waits.length
                    && parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                    && parser.getLongValue() >= 0
                    && parser.getLongValue() <= MAX_WAIT_MS;
            if (sound) {
                waits[count++] = parser.getLongValue();
            }
        }
        if (count == 0 || !sound) {
            throw badField("backoff", "an array of 1 to " + Task.MAX_WAITS + " integers from 0 to " + MAX_WAIT_MS);
        }
        backoffMs = Arrays.copyOf(waits, count);
    }

    private static long integer(String name, JsonToken value, JsonParser parser, long max) {
        if (value == JsonToken.VALUE_NULL) {
            return 0;
        }
        if (value == JsonToken.VALUE_NUMBER_INT && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER) {
            long number = parser.getLongValue();
            if (number >= 1 && number <= max) {
                return number;
            }
        }
        throw badField(name, "an integer from 1 to " + max);
    }

    /** A time that is only measured with: what is none is passed over, for no task is to die of it. */
    private static long timeOrNone(JsonToken value, JsonParser parser) {
        double time = 0;
        if (value.isNumeric()) {
            time = parser.getDoubleValue(); // exact to far below a millisecond; beyond any range it is infinite
        } else {
            parser.skipChildren();
        }
        return time >= 1 && time <= MAX_TIME_MS ? (long) time : 0;
    }

    static EnvelopeException badField(String name, String rule) {
        return new EnvelopeException("bad-field:" + name, "the field " + name + " must be " + rule);
    }

    /** Which one, as the parser tells it, without the name of the setting; that of nesting without the level of the element. */
    private static String limit(StreamConstraintsException tooMuch) {
        if (tooMuch.getOriginalMessage().contains("nesting depth")) {
            return "a field may be nested at most " + Envelope.MAX_PAYLOAD_DEPTH + " deep";
        }
        return tooMuch.getOriginalMessage().replaceAll(", from `[^`]*`", "");
    }

    private static EnvelopeException unreadable(String reason, String what, JacksonException cause) {
        return new EnvelopeException(reason, "the element " + what + " (" + Place.of(cause) + ")");
    }
}
