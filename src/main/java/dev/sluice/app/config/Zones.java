package dev.sluice.app.config;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Timing;
import java.time.ZoneId;
import java.util.Locale;

/** Time zones as people write them. */
public final class Zones {
    private Zones() {}

    /** The zone of that name; throws {@link IllegalArgumentException} that says which may have been meant. */
    public static ZoneId named(String name) {
        try {
            return Timing.zone(name);
        } catch (InvalidTaskException unknown) {
            String meant = ZoneId.getAvailableZoneIds().stream()
                    .filter(id -> id.toLowerCase(Locale.ROOT).equals(name.toLowerCase(Locale.ROOT)))
                    .findFirst()
                    .or(() -> Similar.to(name, ZoneId.getAvailableZoneIds()))
                    .map(id -> "; did you mean " + id + "?")
                    .orElse("");
            throw new IllegalArgumentException(unknown.getMessage() + meant, unknown);
        }
    }
}
