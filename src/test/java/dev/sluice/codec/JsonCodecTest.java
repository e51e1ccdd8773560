package dev.sluice.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.annotation.JsonDeserialize;

class JsonCodecTest {
    @Test
    void aDeserializerMayAskItsParserForATree() {
        byte[] json = "{\"at\":{\"x\":1,\"y\":2}}".getBytes(UTF_8);
        Type points = new MapOf(Point.class);

        assertThat(codec.<Map<String, Point>>decode(json, 0, json.length, points))
                .containsEntry("at", new Point(1, 2));
    }

    static final class Sour {
        final IllegalStateException mine = new IllegalStateException("mine");

        public String getValue() {
            if (mine != null) {
                throw mine;
            }
            return "";
        }
    }

    private final JsonCodec codec = JsonCodec.standard();

    record Email(String to, List<String> cc, int priority) {}

    @JsonDeserialize(using = PointReader.class)
    record Point(int x, int y) {}

    static final class PointReader extends ValueDeserializer<Point> {
        @Override
        public Point deserialize(JsonParser parser, DeserializationContext context) {
            JsonNode tree = parser.readValueAsTree();
            return new Point(tree.path("x").asInt(), tree.path("y").asInt());
        }
    }

    record Times(Instant at, Duration pause, UUID id, Optional<String> note, BigDecimal price) {}

    record Node(Object any) {}

    record Picky(String value) {
        Picky {
            if (value.contains("canary")) {
                throw new IllegalArgumentException("refused " + value);
            }
        }
    }

    @JsonTypeInfo(use = JsonTypeInfo.Id.CLASS)
    interface Gadget {}

    record Tame(String x) implements Gadget {}

    @Test
    void aRecordGoesOutAndComesBack() {
        Email email = new Email("安娜@例子", List.of("é", "\uD83D\uDE00"), 3);

        byte[] json = codec.encode(email);

        assertThat(new String(json, UTF_8))
                .isEqualTo("{\"to\":\"安娜@例子\",\"cc\":[\"é\",\"\uD83D\uDE00\"],\"priority\":3}");
        assertThat(this.<Email>decode(json, Email.class)).isEqualTo(email);
    }

    @Test
    void timesAndOtherPlainValuesGoOutAndComeBack() {
        Times times = new Times(
                Instant.parse("2026-11-05T10:00:00.123456789Z"),
                Duration.ofMillis(1500),
                UUID.fromString("00000000-0000-0001-0000-000000000002"),
                Optional.of("n"),
                new BigDecimal("12.3400"));

        byte[] json = codec.encode(times);

        assertThat(new String(json, UTF_8)).contains("\"2026-11-05T10:00:00.123456789Z\"", "\"PT1.5S\"", "12.3400");
        assertThat(this.<Times>decode(json, Times.class)).isEqualTo(times);
    }

    @Test
    void genericTypesAreRead() {
        Type emails = new ListOf(Email.class);

        List<Email> read = decode("[{\"to\":\"a\",\"cc\":[],\"priority\":1}]", emails);

        assertThat(read).containsExactly(new Email("a", List.of(), 1));
    }

    @Test
    void onlyTheSliceIsRead() {
        byte[] buffer = "xx{\"to\":\"a\",\"cc\":[],\"priority\":1}}}garbage".getBytes(UTF_8);

        Email email = codec.decode(buffer, 2, buffer.length - 11, Email.class);

        assertThat(email.to()).isEqualTo("a");
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", " 1.50 ", "\"\\u00e9\"", "[ 1 ,2]", "{\"a\" : 12345678901234567890}", "\"任务\""})
    void bytesAreJsonThatIsNotTouched(String json) {
        byte[] raw = json.getBytes(UTF_8);

        assertThat(codec.encode(raw)).isSameAs(raw);
        assertThat(this.<byte[]>decode(json, byte[].class)).isEqualTo(raw).isNotSameAs(raw);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "hello",
                "1 2",
                "{}}",
                "{\"a\":1",
                "1,\"type\":\"evil\"",
                "{\"a\":1,\"a\":2}",
                "\uFEFF1",
                "[1,]",
                "\u0000"
            })
    void bytesThatAreNotOneJsonValueAreRefused(String json) {
        assertRefused(() -> codec.encode(json.getBytes(UTF_8)));
    }

    @Test
    void bytesThatAreNotUtf8AreRefused() {
        assertRefused(() -> codec.encode(new byte[] {'"', (byte) 0xFF, '"'}));
        assertRefused(() -> codec.encode("{}".getBytes(java.nio.charset.StandardCharsets.UTF_16LE)));
        assertRefused(() -> codec.decode(new byte[] {'"', (byte) 0xC3, '"'}, 0, 3, String.class));
    }

    @Test
    void aStringIsAJsonString() {
        assertThat(codec.encode("{\"a\":1}\n任")).isEqualTo("\"{\\\"a\\\":1}\\n任\"".getBytes(UTF_8));
        assertThat(this.<String>decode("\"caf\\u00e9\"", String.class)).isEqualTo("café");
        assertRefused(() -> decode("{\"a\":1}", String.class));
        assertRefused(() -> decode("[\"a\"]", String.class));
    }

    @Test
    void textOfAnyKindAndLengthComesBack() {
        for (int before = 3990; before < 4010; before++) { // around the size of the writer's buffers
            for (String unit : new String[] {"é", "任", "\uD83D\uDE00", "\uD800", "\uDC00", "\n", "\u2028", "\u0000"}) {
                String text = "x".repeat(before) + unit.repeat(3) + "y";

                byte[] json = codec.encode(text);

                assertThat(Utf8.isValid(json, 0, json.length)).isTrue();
                assertThat(this.<String>decode(json, String.class)).isEqualTo(text);
            }
        }
    }

    @Test
    void anUnpairedSurrogateIsWrittenAsAnEscape() {
        assertThat(codec.encode("a\uD800")).isEqualTo("\"a\\uD800\"".getBytes(UTF_8));
    }

    @Test
    void voidTakesNoNotice() {
        assertThat(this.<Void>decode("{\"a\":[", Void.class)).isNull();
        assertThat(this.<Void>decode("", void.class)).isNull();
    }

    @Test
    void nothingIsNull() {
        assertThat(codec.encode(null)).isEqualTo("null".getBytes(UTF_8));
        assertThat(this.<Email>decode("null", Email.class)).isNull();
    }

    @Test
    void aTreeCanBeAskedForAsAType() {
        JsonNode tree = decode("{\"a\":[1,{\"b\":null}]}", JsonNode.class);

        assertThat(tree.get("a").get(0).asInt()).isEqualTo(1);
        assertThat(codec.encode(tree)).isEqualTo("{\"a\":[1,{\"b\":null}]}".getBytes(UTF_8));
    }

    @Test
    void anyJsonCanBeAskedForAsAnObject() {
        Object any = decode("{\"a\":[1,12345678901234567890,1.5,true,null,\"s\"]}", Object.class);

        assertThat(any)
                .isEqualTo(Map.of(
                        "a", java.util.Arrays.asList(1, new BigInteger("12345678901234567890"), 1.5, true, null, "s")));
    }

    @Test
    void unknownFieldsAreIgnored() {
        Email email = decode("{\"to\":\"a\",\"cc\":[],\"priority\":1,\"new\":{\"x\":[1]}}", Email.class);

        assertThat(email).isEqualTo(new Email("a", List.of(), 1));
    }

    @ParameterizedTest
    @ValueSource(strings = {"@class", "@type", "class", "@c", "javaClass", "$type"})
    void aClassNameInAPayloadIsJustText(String field) {
        String json = "{\"any\":{\"" + field + "\":\"javax.swing.JEditorPane\",\"page\":\"http://127.0.0.1:1/\"}}";

        Node node = decode(json, Node.class);

        assertThat(node.any()).isInstanceOf(Map.class);
        Object array = decode("[\"java.lang.ProcessBuilder\",{\"command\":[\"true\"]}]", Object.class);
        assertThat(array).isInstanceOf(List.class);
    }

    @Test
    void aTypeThatAsksForClassNamesIsRefused() {
        assertRefused(() -> decode("{\"@class\":\"" + Tame.class.getName() + "\",\"x\":\"1\"}", Gadget.class));
        assertRefused(() -> decode("{\"@class\":\"java.lang.ProcessBuilder\"}", Gadget.class));
    }

    @Test
    void namesThatOccurTwiceAreRefused() {
        String twice = "{\"to\":\"a\",\"to\":\"b\",\"cc\":[],\"priority\":1}";

        assertRefused(() -> decode(twice, Email.class));
        assertRefused(() -> decode(twice, Object.class));
        assertRefused(() -> decode(twice, JsonNode.class));
        assertRefused(() -> JsonCodec.standard().encode(Map.of(1, "a", "1", "b"))); // else it would die unread
        assertRefused(
                () -> decode("{\"ignored\":{\"x\":1,\"x\":2},\"to\":\"a\",\"cc\":[],\"priority\":1}", Email.class));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"1 2", "1,", "{}{}", "[]]", "1 x", "", "  ", "{", "nul", "NaN", "01", "\uFEFF1", "'a'", "/**/1"})
    void whatIsNotOneValueIsRefused(String json) {
        assertRefused(() -> decode(json, Object.class));
    }

    @Test
    void nestingIsLimitedTo64BothWays() {
        String deepest = "[".repeat(64) + "]".repeat(64);
        Object nested = decode(deepest, Object.class);

        assertThat(codec.encode(nested)).isEqualTo(deepest.getBytes(UTF_8));
        assertRefused(() -> codec.encode(List.of(nested)));
        assertRefused(() -> decode("[" + deepest + "]", Object.class));
        assertRefused(() -> codec.encode(("[" + deepest + "]").getBytes(UTF_8)));
        assertRefused(() -> decode("[".repeat(100_000), Object.class));
    }

    @Test
    void anObjectThatContainsItselfIsRefused() {
        List<Object> ring = new java.util.ArrayList<>();
        ring.add(ring);

        assertRefused(() -> codec.encode(ring));
    }

    @Test
    void numbersAreLimitedTo1000Digits() {
        assertThat(this.<BigInteger>decode("7".repeat(1000), BigInteger.class).bitLength())
                .isPositive();
        assertRefused(() -> decode("7".repeat(1001), BigInteger.class));
        BigInteger modulus = BigInteger.ONE.shiftLeft(4096); // 1,234 digits
        assertRefused(() -> JsonCodec.standard().encode(Map.of("modulus", modulus)));
        assertRefused(() -> JsonCodec.withLimit(2_000_000)
                .decode("7".repeat(1_000_000).getBytes(UTF_8), 0, 1_000_000, Object.class));
        assertRefused(() -> decode("1e1000000000", Long.class));
    }

    @Test
    void theLimitIsInBytesAndHoldsBothWays() {
        JsonCodec small = JsonCodec.withLimit(10);

        assertThat(small.encode("12345678")).hasSize(10);
        assertThat(small.limit()).isEqualTo(10);
        assertThatThrownBy(() -> small.encode("任任任")).isInstanceOf(PayloadTooLargeException.class);
        assertThatThrownBy(() -> small.encode(new byte[11])).isInstanceOf(PayloadTooLargeException.class);
        assertThatThrownBy(() -> small.decode(new byte[11], 0, 11, byte[].class))
                .isInstanceOfSatisfying(PayloadTooLargeException.class, tooLarge -> {
                    assertThat(tooLarge.size()).isEqualTo(11);
                    assertThat(tooLarge.limit()).isEqualTo(10);
                });
        assertThat(JsonCodec.standard().limit()).isEqualTo(262_144);
        assertThatThrownBy(() -> JsonCodec.withLimit(0)).isInstanceOf(InvalidTaskException.class);
        assertThatThrownBy(() -> JsonCodec.withLimit(1 << 25)).isInstanceOf(InvalidTaskException.class);
    }

    @Test
    void aMisfitIsSaidToBeAtItsPathLineAndColumn() {
        assertThatThrownBy(() -> decode("[{\"to\":\"a\",\n  \"cc\":[{\"canary\":1}]}]", new ListOf(Email.class)))
                .isInstanceOfSatisfying(InvalidTaskException.class, refused -> {
                    assertThat(refused.field()).isEqualTo("payload");
                    assertThat(refused.getMessage())
                            .contains("Email", "java.lang.String", "$[0].cc[0]", "line 2")
                            .doesNotContain("canary");
                });
    }

    @Test
    void noMessageQuotesThePayload() {
        assertNoCanary(() -> decode("{\"to\":\"a\",\"cc\":\"canary\",\"priority\":1}", Email.class));
        assertNoCanary(() -> decode("{\"priority\":\"canary\"}", Email.class));
        assertNoCanary(() -> decode("canary", Email.class));
        assertNoCanary(() -> decode("\"canary", Email.class));
        assertNoCanary(() -> decode("{\"canary\":1,\"canary\":2}", Email.class));
        assertNoCanary(() -> decode("{\"value\":\"canary\"}", Picky.class));
        assertNoCanary(() -> decode("{\"canary\":{\"to\":1}}", new MapOf(Integer.class)));
        assertNoCanary(() -> decode("{\"at\":\"canary\"}", Times.class));
        assertNoCanary(() -> decode("{\"id\":\"canary\"}", Times.class));
        assertNoCanary(() -> decode("{\"@class\":\"canary\"}", Gadget.class));
        assertNoCanary(() -> codec.encode("canary".getBytes(UTF_8)));
    }

    @Test
    void anAccessorThatThrowsIsTheCause() {
        Sour payload = new Sour();

        assertThatThrownBy(() -> codec.encode(payload))
                .isInstanceOf(InvalidTaskException.class)
                .hasCause(payload.mine)
                .hasMessageContaining("value");
    }

    @Test
    void aPayloadWithoutFieldsIsAnEmptyObject() {
        record Ping() {}

        assertThat(codec.encode(new Ping())).isEqualTo("{}".getBytes(UTF_8));
        assertThat(this.<Ping>decode("{}", Ping.class)).isEqualTo(new Ping());
    }

    @Test
    void moreTypesThanAreKeptStillWork() {
        for (int i = 0; i < 1100; i++) {
            List<Integer> read = decode("[1]", new ListOf(Integer.class, i));
            assertThat(read).containsExactly(1);
        }
    }

    @SuppressWarnings("TypeParameterUnusedInFormals") // as in PayloadCodec
    private <T> T decode(String json, Type type) {
        return decode(json.getBytes(UTF_8), type);
    }

    @SuppressWarnings("TypeParameterUnusedInFormals") // as in PayloadCodec
    private <T> T decode(byte[] json, Type type) {
        return codec.decode(json, 0, json.length, type);
    }

    private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        InvalidTaskException.class,
                        refused -> assertThat(refused.field()).isEqualTo("payload"));
    }

    private static void assertNoCanary(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call).isInstanceOf(InvalidTaskException.class).satisfies(refused -> {
            assertThat(refused.getMessage()).doesNotContain("canary");
            assertThat(refused.getCause()).isNull();
        });
    }

    /** A {@code List} of one element type; {@code nonce} makes equal types distinct keys. */
    private record ListOf(Type element, int nonce) implements ParameterizedType {

        ListOf(Type element) {
            this(element, 0);
        }

        @Override
        public Type[] getActualTypeArguments() {
            return new Type[] {element};
        }

        @Override
        public Type getRawType() {
            return List.class;
        }

        @Override
        public Type getOwnerType() {
            return null;
        }
    }

    private record MapOf(Type value) implements ParameterizedType {

        @Override
        public Type[] getActualTypeArguments() {
            return new Type[] {String.class, value};
        }

        @Override
        public Type getRawType() {
            return Map.class;
        }

        @Override
        public Type getOwnerType() {
            return null;
        }
    }
}
