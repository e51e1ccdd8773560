package dev.sluice.http;

import dev.sluice.client.EnqueueResult;
import dev.sluice.codec.JsonDocument;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** The answer to a batch, unit after unit. On one thread at a time. */
final class BatchText implements BatchUnit.Told {
    private final boolean lines;
    private final boolean minimal;
    private final StringBuilder text = new StringBuilder();
    private long accepted;
    private long refused;
    private boolean begun;

    /**
     * An answer of nothing yet.
     *
     * @param lines whether each item is a line, and not an element of an array
     * @param minimal whether only refusals are told, and how many items were taken
     */
    BatchText(boolean lines, boolean minimal) {
        this.lines = lines;
        this.minimal = minimal;
    }

    /** What there is to say of these items; empty if nothing. */
    byte[] of(BatchUnit unit) {
        unit.tell(this);
        return taken();
    }

    byte[] end() {
        if (minimal) {
            begin().append(new JsonDocument().put("accepted", accepted).put("refused", refused));
            text.append('\n');
        }
        if (!lines) {
            text.append(begun ? "]" : "[]");
        }
        return taken();
    }

    /** Without a document for each: those would be a fifth of all that a batch costs. */
    @Override
    public void accepted(long index, EnqueueResult result) {
        accepted++;
        if (!minimal) {
            begin().append("{\"index\":")
                    .append(index)
                    .append(",\"status\":")
                    .append(result.isCreated() ? 201 : 200)
                    .append(",\"id\":");
            JsonDocument.quote(result.id(), text);
            text.append(",\"outcome\":").append(result.isCreated() ? "\"created\"}\n" : "\"existing\"}\n");
        }
    }

    @Override
    public void refused(long index, @Nullable String id, Problem problem) {
        refused++;
        JsonDocument told = new JsonDocument().put("index", index).put("status", problem.status());
        begin().append(problem.addTo(id == null ? told : told.put("id", id))).append('\n');
    }

    private StringBuilder begin() {
        if (!lines) {
            text.append(begun ? ',' : '[');
        }
        begun = true;
        return text;
    }

    private byte[] taken() {
        byte[] taken = text.toString().getBytes(StandardCharsets.UTF_8);
        text.setLength(0);
        return taken;
    }
}
