package dev.sluice.dispatch;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which at-most-once tasks this dispatcher has, as that is to stand in Redis for whoever finds it dead: in one field up to 32
 * that were popped together, which costs hardly more than one.
 *
 * <p>A task goes in before its word {@code processing} does, and out when that is known to be gone. What is written is
 * always what stands here, so that a write may fail, or be repeated. Confined to the loop thread.
 */
final class TakenRecord {
    private static final int PLACE_BITS = 5;
    private static final int PLACES = 1 << PLACE_BITS;

    private final Map<Long, Field> fields = new HashMap<>();
    private final Set<Long> changed = new LinkedHashSet<>();
    private List<Long> sent = List.of();

    void add(Attempt attempt) {
        long number = attempt.token() >>> PLACE_BITS;
        fields.computeIfAbsent(number, its -> new Field())
                .put(place(attempt), attempt.frame().id());
        changed.add(number);
    }

    void remove(Attempt attempt) {
        long number = attempt.token() >>> PLACE_BITS;
        Field field = fields.get(number);
        if (field != null && field.clear(place(attempt))) {
            fields.remove(number);
        }
        changed.add(number);
    }

    boolean isChanged() {
        return !changed.isEmpty();
    }

    /** What has changed since it was asked for last: for each field the ids, each with a line feed behind it. */
    Map<Long, String> changes() {
        sent = List.copyOf(changed);
        changed.clear();
        Map<Long, String> changes = new LinkedHashMap<>();
        for (Long number : sent) {
            Field field = fields.get(number);
            changes.put(number, field == null ? "" : field.text());
        }
        return changes;
    }

    /** What was asked for last may not stand there. */
    void notWritten() {
        changed.addAll(sent);
    }

    /** Nothing of it stands there any more. */
    void forgotten() {
        changed.addAll(fields.keySet());
    }

    private static int place(Attempt attempt) {
        return (int) (attempt.token() & (PLACES - 1));
    }

    private static final class Field {
        private final @Nullable String[] ids = new String[PLACES];
        private int held;

        void put(int place, String id) {
            ids[place] = id;
            held++;
        }

        /** True if nothing is left. */
        boolean clear(int place) {
            ids[place] = null;
            held--;
            return held == 0;
        }

        String text() {
            StringBuilder text = new StringBuilder();
            for (String id : ids) {
                if (id != null) {
                    text.append(id).append('\n');
                }
            }
            return text.toString();
        }
    }
}
