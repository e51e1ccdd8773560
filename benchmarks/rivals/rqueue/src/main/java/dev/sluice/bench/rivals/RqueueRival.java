package dev.sluice.bench.rivals;

import com.github.sonus21.rqueue.annotation.RqueueListener;
import com.github.sonus21.rqueue.config.SimpleRqueueListenerContainerFactory;
import com.github.sonus21.rqueue.core.RqueueMessageEnqueuer;
import com.github.sonus21.rqueue.listener.RqueueMessageListenerContainer;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Rqueue with one listener, whose concurrency and batch are set as its own documentation tells for throughput:
 * https://sonus21.github.io/rqueue/configuration. It has no call for many messages at once, so several threads enqueue.
 */
final class RqueueRival implements Rival {
    private static final String QUEUE = "sluice-bench";
    private static final int ENQUEUEING = 16;
    private static final long MOST_IDLE_MS = 5; // of its poller, 200 by default: it sleeps as long when all threads are busy

    private final ConfigurableApplicationContext context;
    private final RqueueMessageEnqueuer enqueuer;

    private RqueueRival(String url) {
        URI uri = URI.create(url);
        SpringApplication application = new SpringApplication(Setup.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setDefaultProperties(Map.of(
                "spring.data.redis.host", uri.getHost(),
                "spring.data.redis.port", uri.getPort(),
                "spring.main.banner-mode", "off",
                "logging.level.root", "error"));
        context = application.run();
        enqueuer = context.getBean(RqueueMessageEnqueuer.class);
    }

    /** Exit codes: 0, 1 the step failed. */
    public static void main(String... arguments) {
        Program.run(() -> new RqueueRival(arguments[0]), Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    @Override
    public String version() {
        return "Rqueue 3.2.0";
    }

    @Override
    public void fill(int tasks, String payload) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(ENQUEUEING);
        List<Future<?>> parts = new ArrayList<>();
        for (int part = 0; part < ENQUEUEING; part++) {
            int count = tasks / ENQUEUEING + (part < tasks % ENQUEUEING ? 1 : 0);
            parts.add(threads.submit(() -> {
                for (int i = 0; i < count; i++) {
                    enqueue(payload);
                }
            }));
        }
        for (Future<?> part : parts) {
            part.get();
        }
        threads.shutdown();
    }

    @Override
    public void enqueue(String payload) {
        enqueuer.enqueue(QUEUE, new Message(payload));
    }

    @Override
    public void work(Consumer<String> handler) {
        context.getBean(Listener.class).handler = handler;
        context.getBean(RqueueMessageListenerContainer.class).start();
    }

    @Override
    public void close() {
        // The process ends, and its threads with it.
    }

    /** The application as Spring Boot sees it. */
    @Configuration
    @EnableAutoConfiguration
    static class Setup {
        @Bean
        SimpleRqueueListenerContainerFactory factory() {
            SimpleRqueueListenerContainerFactory factory = new SimpleRqueueListenerContainerFactory();
            factory.setAutoStartup(false);
            factory.setPollingInterval(MOST_IDLE_MS);
            return factory;
        }

        @Bean
        Listener listener() {
            return new Listener();
        }
    }

    /** Gets each message on one of its threads. */
    static class Listener {
        private volatile Consumer<String> handler = payload -> {};

        @RqueueListener(value = QUEUE, concurrency = "10-50", batchSize = "100")
        public void handle(Message message) {
            handler.accept(message.payload());
        }
    }

    /** What is queued; of a mere text the listener would get Rqueue's own envelope. */
    record Message(String payload) {}
}
