package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
import dev.sluice.task.Task;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;

/**
 * One dispatcher in a process of its own.
 *
 * <p>Arguments: Redis, queue, worker, journal, lease in ms, concurrency, a Redis that nothing is done to, or {@code -}, by
 * which it watches when it had no time, and whether it is {@code cold} or {@code warm}: then it first warms up by that Redis,
 * for a JVM that is new stands still longer than a short lease. Says {@code ready} when it has joined. A line
 * {@code stop <grace in ms>} stops it in good order; it says {@code stopped <ms that took>} and ends. When its standard input
 * ends, it ends at once: it never outlives the test that started it. What its journal holds survives kill -9, for each event
 * is one write to the file.
 */
final class WorkerMain {
    /** How a process ends that a task has killed. */
    static final int HALTED = 66;

    private static final int WARM_UP = 200;

    private WorkerMain() {}

    public static void main(String[] args) throws IOException {
        try (FileChannel file = FileChannel.open(
                Path.of(args[3]), StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.WRITE)) {
            boolean isWatched = !args[6].equals(ProcessNode.NOT_WATCHED);
            Consumer<Event> sink = appendingTo(file);
            Journal journal = (isWatched ? Journal.telling(args[2], sink) : new Journal(args[2], sink))
                    .mortal(() -> Runtime.getRuntime().halt(HALTED));
            if (isWatched) {
                if (args[7].equals("warm")) {
                    warmUp(args[6], args[2]);
                }
                new StallWatch(Sluice.connect(args[6]), journal); // until the process ends
            }
            Sluice sluice = Sluice.builder().uri(args[0]).observer(journal).build();
            Dispatcher dispatcher = sluice.dispatcher()
                    .queue(Queue.named(args[1]), QueueSettings.standard().concurrency(Integer.parseInt(args[5])))
                    .lease(Duration.ofMillis(Long.parseLong(args[4])))
                    .build()
                    .handler("t", String.class, journal);
            dispatcher.start().block();
            say("ready");
            Duration grace = graceFrom(System.in);
            long asked = System.nanoTime();
            dispatcher.stop(grace).block();
            say(ProcessNode.STOPPED + (System.nanoTime() - asked) / 1_000_000);
            sluice.close().block();
        }
    }

    private static void warmUp(String redis, String worker) {
        Queue queue = Queue.named("warm-" + worker);
        Sluice sluice = Sluice.connect(redis);
        Dispatcher dispatcher =
                sluice.dispatcher(queue).handler("t", String.class, Journal.telling(worker, event -> {}));
        dispatcher.start().block();
        Flux.range(0, WARM_UP)
                .map(i -> Task.of("t", i % 2 == 0 ? "fail:1;1" : "1").backoff(Duration.ofMillis(1)))
                .flatMap(task -> sluice.client(queue).enqueueAndAwait(task, String.class, Duration.ofSeconds(20)), 4)
                .onErrorComplete() // a machine that has no time even for this
                .blockLast();
        dispatcher.stop(Duration.ofSeconds(1)).block();
        sluice.close().block();
    }

    private static Duration graceFrom(java.io.InputStream in) throws IOException {
        String line = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)).readLine();
        if (line == null) {
            Runtime.getRuntime().halt(1);
        }
        return Duration.ofMillis(Long.parseLong(String.valueOf(line).substring("stop ".length())));
    }

    private static Consumer<Event> appendingTo(FileChannel file) {
        return event -> {
            try {
                file.write(ByteBuffer.wrap(event.line().getBytes(StandardCharsets.UTF_8)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    private static void say(String word) {
        System.out.println(word);
        System.out.flush();
    }
}
