package dev.sluice.dispatch;

import dev.sluice.codec.JsonCodec;
import dev.sluice.codec.PayloadCodec;
import dev.sluice.task.Failure;
import java.nio.charset.StandardCharsets;

/** A failure as the one line of JSON that stands before the frame of a dead letter: ours, whatever codec payloads have. */
final class FailureLine {
    private static final PayloadCodec JSON = JsonCodec.standard();

    private FailureLine() {}

    static String of(Failure failure) {
        return new String(JSON.encode(failure), StandardCharsets.UTF_8);
    }
}
