package dev.sluice.faults;

import dev.sluice.Sluice;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.task.Queue;
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

/**
 * One dispatcher in a process of its own.
 *
 * <p>Arguments: Redis, queue, worker, journal, lease in ms, concurrency. Says {@code ready} when it has joined. A line
 * {@code stop <grace in ms>} stops it in good order; when its standard input ends, it ends at once: it never outlives the
 * test that started it. What its journal holds survives kill -9, for each event is one write to the file.
 */
final class WorkerMain {
    private WorkerMain() {}

    public static void main(String[] args) throws IOException {
        try (FileChannel file = FileChannel.open(
                Path.of(args[3]), StandardOpenOption.CREATE, StandardOpenOption.APPEND, StandardOpenOption.WRITE)) {
            Journal journal = new Journal(args[2], appendingTo(file));
            Sluice sluice = Sluice.builder().uri(args[0]).observer(journal).build();
            Dispatcher dispatcher = sluice.dispatcher()
                    .queue(Queue.named(args[1]), QueueSettings.standard().concurrency(Integer.parseInt(args[5])))
                    .lease(Duration.ofMillis(Long.parseLong(args[4])))
                    .build()
                    .handler("t", String.class, journal);
            dispatcher.start().block();
            say("ready");
            dispatcher.stop(graceFrom(System.in)).block();
            sluice.close().block();
            say("stopped");
        }
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
