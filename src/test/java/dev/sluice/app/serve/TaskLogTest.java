package dev.sluice.app.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class TaskLogTest {
    private final AtomicLong attempts = new AtomicLong();
    private final AtomicLong untold = new AtomicLong();
    private final Map<String, Integer> dead = new ConcurrentHashMap<>();

    @Test
    @Timeout(30)
    void deadLettersAreToldOfHoweverManyAttemptsEnd() throws InterruptedException {
        TaskLog log = new TaskLog(counting()).start();
        for (int i = 0; i < 5_000; i++) {
            log.ended("t" + i, "t", 1, 1, "succeeded", null);
        }
        log.dead("q", 1, "so");
        log.dead("q", 2, "so");
        log.dead("r", 4, "so");

        while (attempts.get() + untold.get() < 5_000 || dead.size() < 2) {
            TimeUnit.MILLISECONDS.sleep(20);
        }
        log.flush();

        assertThat(dead).containsOnly(Map.entry("q", 3), Map.entry("r", 4));
        assertThat(attempts.get() + untold.get()).isEqualTo(5_000);
        assertThat(untold.get()).isGreaterThan(1_000);
    }

    @Test
    void whatIsNotToldYetIsToldAtTheEnd() {
        TaskLog log = new TaskLog(counting());
        for (int i = 0; i < 2_000; i++) {
            log.ended("t" + i, "t", 1, 1, "succeeded", null);
        }
        log.dead("q", 1, "so");

        log.flush();

        assertThat(dead).containsOnly(Map.entry("q", 1));
        assertThat(untold.get()).isEqualTo(2_000 - 1_024);
    }

    private Narrator counting() {
        return (Narrator) Proxy.newProxyInstance(
                Narrator.class.getClassLoader(), new Class<?>[] {Narrator.class}, (self, method, arguments) -> {
                    switch (method.getName()) {
                        case "attempt" -> attempts.incrementAndGet();
                        case "untold" -> untold.addAndGet((long) arguments[0]);
                        case "dead" -> dead.merge((String) arguments[0], (int) arguments[1], Integer::sum);
                        default -> throw new AssertionError(method);
                    }
                    return null;
                });
    }
}
