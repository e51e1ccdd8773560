package dev.sluice.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept of the names that others choose. */
class ParsersTest {
    private static final long MEGABYTE = 1 << 20;
    private static final JsonCodec CODEC = JsonCodec.standard();
    private static final List<Consumer<byte[]>> READERS = List.of(
            json -> Envelope.read(json, 0, json.length),
            json -> CODEC.encode(json),
            json -> CODEC.decode(json, 0, json.length, Object.class),
            json -> assertThat(JsonDocument.isJson(json)).isTrue());

    /** Jackson keeps 6,000 of them, with twice their length. */
    @ParameterizedTest
    @ValueSource(ints = {200_000, 4_000})
    void namesThatNobodyHasSeenBeforeAreNotKept(int length) {
        String rest = "n".repeat(length);
        for (Consumer<byte[]> reader : READERS) {
            long before = used();
            for (int i = 0; i < 60_000_000 / length / 2; i++) {
                reader.accept(("{\"id\":\"a\",\"type\":\"t\",\"payload\":{\"" + i + rest + "\":1}}").getBytes(UTF_8));
            }
            assertThat(used() - before).isLessThan(10 * MEGABYTE);
        }
    }

    @Test
    void aLongNameIsJsonAsWell() {
        assertThat(JsonDocument.isJson(("{\"" + "n".repeat(60_000) + "\":1}").getBytes(UTF_8)))
                .isTrue();
    }

    private static long used() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }
}
