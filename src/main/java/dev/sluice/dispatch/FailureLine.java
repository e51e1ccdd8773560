package dev.sluice.dispatch;

import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.task.Failure;
import dev.sluice.task.SluiceException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A failure as one line of JSON, in front of the frame of a dead letter or in the header of a task that is to run again:
 * ours, whatever codec payloads have. At most 4 KiB: 256 of them go into one call.
 */
final class FailureLine {
    private static final Logger log = LoggerFactory.getLogger(FailureLine.class);
    private static final String UNWRITTEN =
            "{\"reason\":\"unwritten\",\"type\":null,\"message\":\"what it failed with could not be written\",\"trace\":\"\"}";
    private static final PayloadCodec JSON = JsonCodec.standard();
    private static final int MAX_BYTES = 4096;
    private static final int SHORT_MESSAGE = 200; // 6 bytes a character at worst, as the other two parts

    private FailureLine() {}

    /** A library that is not the one it was built with must not keep a task from being settled. */
    static String of(Failure failure) {
        try {
            return written(failure);
        } catch (Throwable broken) {
            log.error("A failure could not be written; its task gets none", broken);
            return UNWRITTEN;
        }
    }

    private static String written(Failure failure) {
        byte[] line = JSON.encode(failure);
        if (line.length > MAX_BYTES) {
            String message = failure.message();
            String head = message.length() > SHORT_MESSAGE ? message.substring(0, SHORT_MESSAGE) + "…" : message;
            line = JSON.encode(new Failure(failure.reason(), failure.type(), head, ""));
        }
        return new String(line, StandardCharsets.UTF_8);
    }

    /** The failure of a line, or null if there is none, or what stands there is none of ours. */
    static @Nullable Failure read(@Nullable String line) {
        if (line == null) {
            return null;
        }
        byte[] json = line.getBytes(StandardCharsets.UTF_8);
        try {
            return JSON.decode(json, 0, json.length, Failure.class);
        } catch (SluiceException forged) {
            return null;
        }
    }
}
