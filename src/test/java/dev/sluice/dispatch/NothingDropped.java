package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import reactor.core.publisher.Hooks;

/** Fails a test after which Reactor had signals that nobody could take: each is an error lost, or a task. */
public final class NothingDropped implements BeforeEachCallback, AfterEachCallback {
    private final Queue<Object> dropped = new ConcurrentLinkedQueue<>();

    @Override
    public void beforeEach(ExtensionContext context) {
        dropped.clear();
        Hooks.onErrorDropped(error -> dropped.add(error + at(error.getStackTrace(), 0) + "\n dropped" + place()));
        Hooks.onNextDropped(signal -> dropped.add(signal + place()));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Hooks.resetOnErrorDropped();
        Hooks.resetOnNextDropped();
        assertThat(dropped).as("signals that Reactor dropped").isEmpty();
    }

    private static String place() {
        return at(new Throwable().getStackTrace(), 2);
    }

    private static String at(StackTraceElement[] trace, int skipped) {
        return Arrays.stream(trace)
                .skip(skipped)
                .limit(30)
                .map(frame -> "\n\tat " + frame)
                .collect(Collectors.joining());
    }
}
