package dev.sluice.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.sluice.task.ResultRetention;
import dev.sluice.task.Task;
import dev.sluice.task.Verdict;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnvelopeTest {

    @Test
    void aFullElementIsRead() {
        Envelope read = read(
                "{\"id\":\"a\",\"type\":\"email.send\",\"payload\":{\"to\":[1,2]},\"headers\":{\"x\":\"1\",\"y\":\"\"},"
                        + "\"maxAttempts\":3,\"backoff\":[0, 31536000000],\"timeoutMs\":1500,\"deadline\":1790000000000,\"keepResultMs\":31536000000}");

        assertThat(read.id()).isEqualTo("a");
        assertThat(read.idInvalid()).isFalse();
        assertThat(read.type()).isEqualTo("email.send");
        assertThat(payload(read)).isEqualTo("{\"to\":[1,2]}");
        assertThat(read.headers()).containsExactly(Map.entry("x", "1"), Map.entry("y", ""));
        assertThat(read.maxAttempts()).isEqualTo(3);
        assertThat(read.backoffMs()).containsExactly(0, 31_536_000_000L);
        assertThat(read.timeoutMs()).isEqualTo(1500);
        assertThat(read.deadlineMs()).isEqualTo(1_790_000_000_000L);
        assertThat(read.keepResultMs()).isEqualTo(31_536_000_000L);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                " \t\r\n{ } \n",
                "{\"id\":null,\"type\":null,\"headers\":null,\"maxAttempts\":null,\"backoff\":null,\"timeoutMs\":null,"
                        + "\"deadline\":null}"
            })
    void everythingMayBeMissingOrNull(String element) {
        Envelope read = read(element);

        assertThat(read.id()).isNull();
        assertThat(read.idInvalid()).isFalse();
        assertThat(read.type()).isNull();
        assertThat(payload(read)).isEqualTo("null");
        assertThat(read.headers()).isEmpty();
        assertThat(read.maxAttempts()).isZero();
        assertThat(read.backoffMs()).isNull();
        assertThat(read.timeoutMs()).isZero();
        assertThat(read.deadlineMs()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "true",
                "false",
                "0",
                "-0",
                "1.50",
                "1E+2",
                "12345678901234567890123456789",
                "\"\"",
                "\" ,} \"",
                "\"\\\"\"",
                "\"\\\\\"",
                "\"\\u00e9\\/\"",
                "\"任务\uD83D\uDE00\"",
                "[]",
                "[ ]",
                "{}",
                "{ }",
                "[1 , 2]",
                "{\"payload\":{\"id\":\"inner\",\"type\":\"inner\"}}",
                "{\"a\":1,\"a\":2}",
                "[[[]]]",
                "{\"@class\":\"x\"}"
            })
    void thePayloadIsExactlyTheBytesThatWereWritten(String json) {
        for (String before : new String[] {"", " ", "\n\t"}) {
            for (String after : new String[] {"", " ", "\r\n "}) {
                String value = before + json + after;

                assertThat(payload(read("{\"payload\":" + value + "}"))).isEqualTo(json);
                assertThat(payload(read("{\"id\":\"a\" , \"payload\":" + value + ",\"type\":\"t\"}")))
                        .isEqualTo(json);
                assertThat(payload(read("{\"payload\":" + value + ", \"x\":[\"payload\"],\"id\":\"a\"} ")))
                        .isEqualTo(json);
            }
        }
    }

    @Test
    void thePayloadIsFoundWhereverTheElementLiesInItsArray() {
        byte[] element = utf8("{\"type\":\"任务\",\"payload\":[\"é\"],\"id\":\"ü\"}");
        for (int before = 0; before < 70; before++) {
            byte[] buffer = new byte[before + element.length + 9];
            Arrays.fill(buffer, (byte) '}');
            System.arraycopy(element, 0, buffer, before, element.length);

            Envelope read = Envelope.read(buffer, before, element.length);

            assertThat(read.payloadBuffer()).isSameAs(buffer);
            assertThat(payload(read)).isEqualTo("[\"é\"]");
            assertThat(read.id()).isEqualTo("ü");
            assertThat(read.type()).isEqualTo("任务");
        }
    }

    @Test
    void thePayloadIsFoundBehindAndInsideLargeParts() {
        String filler = "x".repeat(100_000);
        String json = "[\"" + "任".repeat(50_000) + "\",{\"" + "k".repeat(3000) + "\":\"" + filler + "\"}]";

        Envelope read = read("{\"" + "n".repeat(3000) + "\":\"" + filler + "\",\"payload\":" + json + ",\"id\":\"a\"}");

        assertThat(payload(read)).isEqualTo(json);
        assertThat(read.id()).isEqualTo("a");
    }

    @Test
    void unknownFieldsAreSkippedWhateverTheyHold() {
        Envelope read =
                read("{\"attempt\":3,\"retries\":{\"id\":\"no\"},\"enqueuedAt\":1.5,\"key\":[1,[2]],\"replyTo\":null,"
                        + "\"ID\":\"no\",\"payload \":1,\"\":2,\"future\":true,\"future\":false,\"id\":\"yes\"}");

        assertThat(read.id()).isEqualTo("yes");
        assertThat(payload(read)).isEqualTo("null");
    }

    @Test
    void fieldNamesMayBeEscaped() {
        Envelope read = read("{\"\\u0069d\":\"a\",\"typ\\u0065\":\"t\",\"\\u0070ayload\":7}");

        assertThat(read.id()).isEqualTo("a");
        assertThat(read.type()).isEqualTo("t");
        assertThat(payload(read)).isEqualTo("7");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            quoteCharacter = '`',
            value = {
                "\"caf\\u00e9\" café",
                "\"\\u4efb\\u52a1\" 任务",
                "\"\\ud83d\\ude00\" \uD83D\uDE00",
                "\"a\\/b\" a/b",
                "\"\\\"\" \"",
                "17 17",
                "-3 -3",
                "0 0",
                "12345678901234567890123 12345678901234567890123",
                "\"17\" 17"
            })
    void anIdIsItsTextOrItsDigits(String json, String id) {
        Envelope read = read("{\"id\":" + json + "}");

        assertThat(read.id()).isEqualTo(id);
        assertThat(read.idInvalid()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "true",
                "false",
                "1.5",
                "1e3",
                "[]",
                "[\"a\"]",
                "{}",
                "{\"id\":\"a\"}",
                "\"\"",
                "\"a\\n\"",
                "\"\\u0000\"",
                "\"\\u007f\"",
                "\"\\ud800\"",
                "\"\\udc00\\ud800\"",
                "\"a\\ud83d\"",
                "[[[{\"id\":\"deep\"}]]]"
            })
    void anIdOfAnotherKindOrAgainstTheRuleIsInvalidAndTheRestIsRead(String json) {
        Envelope read = read("{\"id\":" + json + ",\"type\":\"t\",\"payload\":1}");

        assertThat(read.idInvalid()).isTrue();
        assertThat(read.id()).isNull();
        assertThat(read.type()).isEqualTo("t");
        assertThat(payload(read)).isEqualTo("1");
    }

    @Test
    void anIdMayHave512BytesAndNoMore() {
        assertThat(read("{\"id\":\"" + "é".repeat(256) + "\"}").id()).hasSize(256);
        assertThat(read("{\"id\":\"" + "é".repeat(256) + "x\"}").idInvalid()).isTrue();
        assertThat(read("{\"id\":" + "7".repeat(512) + "}").id()).hasSize(512);
        assertThat(read("{\"id\":" + "7".repeat(513) + "}").idInvalid()).isTrue();
        assertThat(read("{\"id\":\"" + "x".repeat(1_000_000) + "\"}").idInvalid())
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\n\t \r"})
    void nothingIsEmpty(String element) {
        assertUnreadable("empty", element);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hello",
                "{",
                "{\"id\"",
                "{\"id\":",
                "{\"id\":\"a\"",
                "{\"id\":\"a\",",
                "{\"id\":\"a\",}",
                "{\"id\":\"a}",
                "{id:\"a\"}",
                "{'id':'a'}",
                "{\"id\":\"a\"]",
                "{\"id\" \"a\"}",
                "{\"payload\":01}",
                "{\"payload\":+1}",
                "{\"payload\":.5}",
                "{\"payload\":1.}",
                "{\"payload\":NaN}",
                "{\"payload\":Infinity}",
                "{\"payload\":tru}",
                "{\"payload\":[1,]}",
                "{\"payload\":[1}",
                "{\"payload\":\"\\x\"}",
                "{\"payload\":\"\\u12\"}",
                "{\"payload\":\"a\nb\"}",
                "{\"payload\":\"a\u0000b\"}",
                "{/* no */}",
                "{} // no",
                "{\"payload\":\"",
                "{\"payload\":{\"a\":1,}}",
                "{\"id\":\"a\"\u0000}",
                "\u00A0{}",
                "<xml/>",
                "}",
                "]",
                "\"cut"
            })
    void whatIsNotJsonIsSaidToBeSo(String element) {
        assertThat(reasonOf(utf8(element))).isIn("not-json", "trailing-data", "not-an-object");
        if (element.startsWith("{") && !element.startsWith("{}")) {
            assertUnreadable("not-json", element);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "[{\"id\":\"a\"}]", "1", "-2.5", "\"text\"", "true", "null", " 7 "})
    void anotherValueIsNotAnObject(String element) {
        assertUnreadable("not-an-object", element);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{}{}", "{} 1", "{\"id\":\"a\"},", "{}]", "{}x", "{} \"", "{}\n{\"id\":\"b\"}", "{\"a\":1}\u0000"
            })
    void somethingBehindTheObjectIsTrailingData(String element) {
        assertUnreadable("trailing-data", element);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "EFBBBF7B7D", // a byte order mark
                "FEFF007B007D", // UTF-16, big endian
                "FFFE7B007D00", // UTF-16, little endian
                "007B007D", // the same without a mark
                "7B007D00",
                "0000007B0000007D", // UTF-32
                "7B0000007D000000",
                "0000FEFF0000007B0000007D",
                "00",
                "7B0022",
                "80", // a continuation without a lead
                "7B22C1A9C1A4223A31 7D", // an over-long "id"
                "7B226964223A22C080227D", // an over-long zero
                "7B226964223A22E0808022 7D",
                "7B226964223A22EDA080227D", // a surrogate
                "7B226964223A22EDA080EDB080227D", // CESU-8
                "7B226964223A22F4908080227D", // beyond U+10FFFF
                "7B226964223A22F5808080227D",
                "7B227061796C6F6164223A22FF227D", // in the payload
                "7B227061796C6F6164223A22C3227D",
                "7B227061796C6F6164223A22E4BB227D",
                "7B2278223A22E4BB", // cut in the middle of a character
                "7B227D C3"
            })
    void whatIsNotUtf8IsRefused(String hex) {
        assertThat(reasonOf(HexFormat.of().parseHex(hex.replace(" ", "")))).isEqualTo("not-utf8");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "é",
                "任",
                "\uD83D\uDE00",
                "\u0080",
                "\u07FF",
                "\u0800",
                "\uD7FF",
                "\uE000",
                "\uFFFF",
                "\uDBFF\uDFFF"
            })
    void allOfUnicodeIsRead(String text) {
        assertThat(read("{\"id\":\"" + text + "\"}").id()).isEqualTo(text);
    }

    @Test
    void utf8IsJudgedAsTheJdkJudgesIt() {
        Random random = new Random(7);
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = new byte[1 + random.nextInt(24)];
            random.nextBytes(bytes);
            for (int k = 0; k < bytes.length; k++) {
                bytes[k] = random.nextInt(3) == 0 ? bytes[k] : (byte) (bytes[k] & 0x7F);
            }
            boolean valid = Arrays.equals(new String(bytes, UTF_8).getBytes(UTF_8), bytes);
            if (Utf8.isValid(bytes, 0, bytes.length) != valid) {
                fail(HexFormat.of().formatHex(bytes) + (valid ? " is" : " is not") + " UTF-8");
            }
        }
    }

    @Test
    void aPayloadMayBeNested64DeepAndNoMore() {
        String deepest = "[".repeat(64) + "]".repeat(64);

        assertThat(payload(read("{\"payload\":" + deepest + "}"))).isEqualTo(deepest);
        assertUnreadable("beyond-limits", "{\"payload\":[" + deepest + "]}");
        assertUnreadable("beyond-limits", "{\"unknown\":[" + deepest + "]}");
        assertUnreadable("beyond-limits", "{\"payload\":" + "{\"a\":".repeat(65) + "1" + "}".repeat(66));
        assertUnreadable("beyond-limits", "{\"payload\":" + "[".repeat(1_000_000));
        assertThatThrownBy(() -> read("{\"payload\":[" + deepest + "]}"))
                .hasMessage("the element exceeds a limit: a field may be nested at most 64 deep");
    }

    @Test
    void aNameMayBeAsLongAsAPayload() {
        Map<String, Integer> payload = Map.of("n".repeat(200_000), 1);
        String json = new String(JsonCodec.standard().encode(payload), UTF_8);

        assertThat(payload(read("{\"payload\":" + json + "}"))).isEqualTo(json);
    }

    @Test
    void aNumberMayHave1000DigitsAndNoMore() {
        assertThat(payload(read("{\"payload\":" + "7".repeat(1000) + "}"))).hasSize(1000);
        assertUnreadable("beyond-limits", "{\"payload\":" + "7".repeat(1001) + "}");
        assertUnreadable("beyond-limits", "{\"payload\":" + "7".repeat(1_000_000) + "}");
        assertUnreadable("beyond-limits", "{\"payload\":[0." + "7".repeat(1_000_000) + "]}");
        assertUnreadable("beyond-limits", "{\"id\":" + "7".repeat(1_000_000) + "}");
        assertUnreadable("beyond-limits", "{\"maxAttempts\":" + "7".repeat(1_000_000) + "}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "id",
                "type",
                "payload",
                "headers",
                "maxAttempts",
                "backoff",
                "timeoutMs",
                "deadline",
                "keepResultMs"
            })
    void aFieldThatIsReadMayNotBeThereTwice(String name) {
        assertUnreadable("duplicate-field:" + name, "{\"" + name + "\":null,\"x\":1,\"" + name + "\":null}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "type|1",
                "type|true",
                "type|[]",
                "type|{}",
                "type|\"\"",
                "type|\"a\\u0000\"",
                "type|\"\\ud800\"",
                "headers|1",
                "headers|\"a\"",
                "headers|[]",
                "headers|{\"a\":1}",
                "headers|{\"a\":null}",
                "headers|{\"a\":{}}",
                "headers|{\"a\":[\"b\"]}",
                "headers|{\"a\":\"1\",\"a\":\"2\"}",
                "headers|{\"\":\"1\"}",
                "headers|{\"a\":\"x\\r\\ny: z\"}",
                "headers|{\"a\\n\":\"\"}",
                "headers|{\"a\":\"\\ud800\"}",
                "maxAttempts|0",
                "maxAttempts|-1",
                "maxAttempts|1.0",
                "maxAttempts|\"3\"",
                "maxAttempts|2147483648",
                "maxAttempts|true",
                "maxAttempts|99999999999999999999",
                "maxAttempts|[3]",
                "backoff|5000",
                "backoff|[]",
                "backoff|{\"a\":[1]}",
                "backoff|[-1]",
                "backoff|[31536000001]",
                "backoff|[99999999999999999999]",
                "backoff|[1,null]",
                "backoff|[[1]]",
                "backoff|[1.5]",
                "backoff|[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
                "timeoutMs|0",
                "timeoutMs|-5",
                "timeoutMs|31536000001",
                "timeoutMs|1e3",
                "timeoutMs|{}",
                "deadline|0",
                "deadline|-1",
                "deadline|\"2030-01-01T00:00:00Z\"",
                "deadline|253402300800000",
                "keepResultMs|0",
                "keepResultMs|31536000001",
                "keepResultMs|\"1\""
            })
    void aFieldOfAnotherKindIsNamed(String field) {
        String name = field.substring(0, field.indexOf('|'));

        assertUnreadable("bad-field:" + name, "{\"" + name + "\":" + field.substring(name.length() + 1) + "}");
    }

    @Test
    void moreThan64HeadersAreRefused() {
        StringBuilder headers = new StringBuilder("\"h\":\"\"");
        for (int i = 1; i < 64; i++) {
            headers.append(",\"h").append(i).append("\":\"\"");
        }

        assertThat(read("{\"headers\":{" + headers + "}}").headers()).hasSize(64);
        assertUnreadable("bad-field:headers", "{\"headers\":{" + headers + ",\"one more\":\"\"}}");
    }

    @Test
    void headersCannotBeChanged() {
        Envelope read = read("{\"headers\":{\"a\":\"1\"}}");

        assertThatThrownBy(() -> read.headers().put("b", "2")).isInstanceOf(UnsupportedOperationException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "canary",
                "{\"payload\":canary}",
                "{\"canary\"}",
                "{} canary",
                "{\"payload\":\"canary",
                "[\"canary\"]",
                "{\"type\":[\"canary\"]}",
                "{\"headers\":{\"canary\":1}}",
                "{\"maxAttempts\":\"canary\"}",
                "{\"payload\":{\"canary\":\\}}"
            })
    void noMessageQuotesTheElement(String element) {
        assertThatThrownBy(() -> read(element)).isInstanceOfSatisfying(EnvelopeException.class, refused -> {
            assertThat(refused.getMessage() + refused.reason()).doesNotContain("canary");
            assertThat(refused.getCause()).isNull();
            assertThat(refused.getStackTrace()).isEmpty();
            assertThat(refused.code()).isEqualTo("unreadable-envelope");
            assertThat(refused.retryable()).isFalse();
        });
    }

    @Test
    void malformedJsonIsSaidToBeAtItsLineAndColumn() {
        assertThatThrownBy(() -> read("{\"id\":\"a\",\n  \"type\":x}"))
                .hasMessage("the element is not well-formed JSON (line 2, column 10)");
    }

    @Test
    void toStringDoesNotShowThePayload() {
        assertThat(read("{\"type\":\"t\",\"payload\":\"canary\"}")).hasToString("Envelope[t, payload of 8 bytes]");
    }

    @Test
    void damagedElementsAreReadOrRefusedAndNothingElse() {
        byte[] sound =
                utf8("{\"id\":\"任务\",\"type\":\"t\",\"payload\":{\"a\":[1,2.5,\"é\\u00e9\"]},\"headers\":{\"h\":\"v\"},"
                        + "\"maxAttempts\":3,\"x\":null}");
        Random random = new Random(42);
        for (int i = 0; i < 10_000; i++) {
            byte[] damaged = damage(sound, random);
            try {
                Envelope read = Envelope.read(damaged, 0, damaged.length);
                assertThat(payload(read)).isNotBlank();
            } catch (EnvelopeException refused) {
                assertThat(refused.reason()).matches("[a-z0-9-]+(:[a-zA-Z]+)?");
            }
        }
    }

    @Test
    void ourOwnElementsHaveTypeAndPayloadAndNoId() {
        byte[] element = Envelope.write(Task.of("email.send", "ignored").id("a"), utf8("{\"to\":\"任务\"}"), 0);

        assertThat(new String(element, UTF_8)).isEqualTo("{\"type\":\"email.send\",\"payload\":{\"to\":\"任务\"}}");
    }

    @Test
    void theTimeIsTheLastFieldAndLeftOutIfItIsZero() {
        Task<String> task = Task.of("t", "").maxAttempts(2);

        byte[] element = Envelope.write(task, utf8("0"), 1_764_222_000_123L);

        assertThat(new String(element, UTF_8))
                .isEqualTo("{\"type\":\"t\",\"payload\":0,\"maxAttempts\":2,\"enqueuedAt\":1764222000123}");
        assertThat(Envelope.read(element, 0, element.length).enqueuedAtMs()).isEqualTo(1_764_222_000_123L);
        assertThat(written(task)).doesNotContain("enqueuedAt");
    }

    @ParameterizedTest
    @CsvSource({
        "1764222000123, 1764222000123",
        "1764222000123.75, 1764222000123",
        "1.764222e12, 1764222000000",
        "1, 1",
        "253402300799999, 253402300799999"
    })
    void aTimeMayBeAnyNumberOfMilliseconds(String written, long read) {
        assertThat(read("{\"enqueuedAt\":" + written + "}").enqueuedAtMs()).isEqualTo(read);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "true",
                "0",
                "-1",
                "0.5",
                "-1e12",
                "\"2026-11-27T06:00:00Z\"",
                "\"1764222000123\"",
                "[1]",
                "{\"enqueuedAt\":7}",
                "253402300800000",
                "99999999999999999999999",
                "1e400",
                "-1e400"
            })
    void aTimeThatIsNoneIsPassedOver(String written) {
        Envelope read = read("{\"enqueuedAt\":" + written + ",\"type\":\"t\",\"payload\":1}");

        assertThat(read.enqueuedAtMs()).isZero();
        assertThat(read.type()).isEqualTo("t");
        assertThat(payload(read)).isEqualTo("1");
    }

    @Test
    void ofTwoTimesTheLastCounts() {
        assertThat(read("{\"enqueuedAt\":7,\"enqueuedAt\":9}").enqueuedAtMs()).isEqualTo(9);
    }

    @Test
    void whatIsWrittenReadsBack() {
        Task<String> task = Task.of("a\"b\\任务\uD83D\uDE00\u2028", "")
                .header("é\"", "\\\uD83D\uDE00")
                .header("b", "")
                .maxAttempts(Integer.MAX_VALUE)
                .backoff(Duration.ZERO, Verdict.MAX_DELAY)
                .timeout(Task.MAX_TIMEOUT)
                .deadline(Task.MAX_DEADLINE)
                .keepResult(ResultRetention.LONGEST);

        byte[] element = Envelope.write(task, utf8("[1]"), 0);
        Envelope read = Envelope.read(element, 0, element.length);

        assertThat(read.id()).isNull();
        assertThat(read.type()).isEqualTo(task.type());
        assertThat(payload(read)).isEqualTo("[1]");
        assertThat(read.headers()).isEqualTo(task.headers());
        assertThat(read.maxAttempts()).isEqualTo(Integer.MAX_VALUE);
        assertThat(read.backoffMs()).containsExactly(0, Verdict.MAX_DELAY.toMillis());
        assertThat(Duration.ofMillis(read.timeoutMs())).isEqualTo(Task.MAX_TIMEOUT);
        assertThat(Instant.ofEpochMilli(read.deadlineMs())).isEqualTo(Task.MAX_DEADLINE);
        assertThat(Duration.ofMillis(read.keepResultMs())).isEqualTo(ResultRetention.LONGEST);
    }

    @Test
    void eachOptionIsWrittenByItself() {
        Task<String> task = Task.of("t", "");

        assertThat(written(task.header("a", "1"))).endsWith(",\"headers\":{\"a\":\"1\"}}");
        assertThat(written(task.maxAttempts(2))).endsWith(":0,\"maxAttempts\":2}");
        assertThat(written(task.backoff(Duration.ZERO, Duration.ofSeconds(2)))).endsWith(":0,\"backoff\":[0,2000]}");
        assertThat(written(task.timeout(Duration.ofSeconds(1)))).endsWith(":0,\"timeoutMs\":1000}");
        assertThat(written(task.deadline(Instant.ofEpochMilli(9)))).endsWith(":0,\"deadline\":9}");
        assertThat(written(task.keepResult(Duration.ofMillis(7)))).endsWith(":0,\"keepResultMs\":7}");
    }

    private static byte[] damage(byte[] sound, Random random) {
        ByteArrayOutputStream damaged = new ByteArrayOutputStream();
        int cut = random.nextInt(8) == 0 ? random.nextInt(sound.length) : sound.length;
        int rate = 1 + random.nextInt(60);
        for (int i = 0; i < cut; i++) {
            switch (random.nextInt(rate) == 0 ? random.nextInt(4) : 4) {
                case 0 -> damaged.write(random.nextInt(256));
                case 1 -> damaged.write("{}[],:\"\\0u".charAt(random.nextInt(10)));
                case 2 -> damaged.write(sound, random.nextInt(sound.length), 1);
                case 3 -> {} // left out
                default -> damaged.write(sound[i]);
            }
        }
        return damaged.toByteArray();
    }

    private static void assertUnreadable(String reason, String element) {
        assertThat(reasonOf(utf8(element))).isEqualTo(reason);
    }

    private static String reasonOf(byte[] element) {
        try {
            return "read as " + Envelope.read(element, 0, element.length);
        } catch (EnvelopeException refused) {
            return refused.reason();
        }
    }

    private static String written(Task<?> task) {
        return new String(Envelope.write(task, utf8("0"), 0), UTF_8);
    }

    private static Envelope read(String element) {
        byte[] bytes = utf8(element);
        return Envelope.read(bytes, 0, bytes.length);
    }

    private static String payload(Envelope read) {
        return new String(read.payloadBuffer(), read.payloadOffset(), read.payloadLength(), UTF_8);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
