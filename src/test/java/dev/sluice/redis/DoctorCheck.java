package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Diagnosis;
import dev.sluice.task.Queue;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import dev.sluice.testkit.StoredStateCheck;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Lets the doctor examine every queue that a test left behind. */
public final class DoctorCheck implements StoredStateCheck {
    private static final Duration PATIENCE = Duration.ofSeconds(20); // a busy machine is not what is examined
    private static final Pattern KEY = Pattern.compile("\\{([^}]+)}:(meta|ready|bodies|dead|claimed:.+|delayed)");

    @Override
    public void check(RedisServer redis) {
        Set<String> names = new TreeSet<>();
        try (RedisWire wire = redis.wire()) {
            for (Object key : (List<?>) wire.call("KEYS", "{*}:*")) {
                Matcher name = KEY.matcher((String) key);
                if (name.matches()) {
                    names.add(name.group(1));
                }
            }
            if (!names.isEmpty()) {
                examine(redis, wire, names);
            }
        }
    }

    private static void examine(RedisServer redis, RedisWire wire, Set<String> names) {
        RedisLinks links = OneQueue.connect(redis);
        try {
            for (String name : names) {
                Doctor doctor = new Doctor(links.commands(), queue(wire, name), PATIENCE, Doctor.A_MOMENT);
                Diagnosis diagnosis = doctor.examine().block(PATIENCE.multipliedBy(2));
                assertThat(diagnosis.findings())
                        .as("what the doctor finds in queue '%s' after the test", name)
                        .isEmpty();
                assertThat(diagnosis.doubts())
                        .as("what the doctor doubts in queue '%s' after the test", name)
                        .isEmpty();
            }
        } finally {
            links.close().block(Duration.ofSeconds(10));
        }
    }

    private static Queue queue(RedisWire wire, String name) {
        Object statusKey = wire.call("HGET", "{" + name + "}:meta", "status-key");
        Object delivery = wire.call("HGET", "{" + name + "}:meta", "delivery");
        Queue queue = Queue.named(name);
        queue = statusKey == null ? queue : queue.statusKey((String) statusKey);
        return delivery == null ? queue : queue.delivery(DeliveryMode.ofWord((String) delivery));
    }
}
