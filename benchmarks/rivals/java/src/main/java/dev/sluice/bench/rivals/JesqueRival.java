package dev.sluice.bench.rivals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import net.greghaines.jesque.Config;
import net.greghaines.jesque.ConfigBuilder;
import net.greghaines.jesque.Job;
import net.greghaines.jesque.client.Client;
import net.greghaines.jesque.client.ClientImpl;
import net.greghaines.jesque.worker.MapBasedJobFactory;
import net.greghaines.jesque.worker.WorkerImplFactory;
import net.greghaines.jesque.worker.WorkerPool;

/** Jesque: {@code batchEnqueue}, and a {@code WorkerPool}: https://github.com/gresrun/jesque (How do I use it?). */
final class JesqueRival implements Rival {
    private static final String QUEUE = "sluice-bench";
    private static final int JOBS_PER_CALL = 1_000;
    private static final int WORKERS = 16;

    private static volatile Consumer<String> handler = payload -> {};

    private final Config config;
    private final Client client;

    JesqueRival(String url) {
        URI uri = URI.create(url);
        config = new ConfigBuilder()
                .withHost(uri.getHost())
                .withPort(uri.getPort())
                .build();
        client = new ClientImpl(config);
    }

    @Override
    public String version() {
        Properties told = new Properties();
        try (InputStream pom = Job.class.getResourceAsStream("/META-INF/maven/net.greghaines/jesque/pom.properties")) {
            told.load(pom);
        } catch (IOException unread) {
            throw new UncheckedIOException(unread);
        }
        return "Jesque " + told.getProperty("version");
    }

    @Override
    public void fill(int tasks, String payload) {
        for (int first = 0; first < tasks; first += JOBS_PER_CALL) {
            int count = Math.min(JOBS_PER_CALL, tasks - first);
            client.batchEnqueue(QUEUE, Collections.nCopies(count, new Job("noop", payload)));
        }
    }

    @Override
    public void enqueue(String payload) {
        client.enqueue(QUEUE, new Job("noop", payload));
    }

    @Override
    public void work(Consumer<String> handler) {
        JesqueRival.handler = handler;
        MapBasedJobFactory jobs = new MapBasedJobFactory(Map.of("noop", Noop.class));
        new WorkerPool(new WorkerImplFactory(config, List.of(QUEUE), jobs), WORKERS).run();
    }

    @Override
    public void close() {
        // The process ends, and its workers with it.
    }

    /** What a worker makes of a job, and runs. */
    public static final class Noop implements Runnable {
        private final String payload;

        public Noop(String payload) {
            this.payload = payload;
        }

        @Override
        public void run() {
            handler.accept(payload);
        }
    }
}
