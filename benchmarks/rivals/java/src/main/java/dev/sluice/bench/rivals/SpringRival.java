package dev.sluice.bench.rivals;

import io.lettuce.core.api.StatefulConnection;
import java.net.URI;
import java.time.Duration;
import java.util.Collections;
import java.util.function.Consumer;
import org.apache.commons.pool2.impl.GenericObjectPoolConfig;
import org.springframework.data.redis.connection.RedisStandaloneConfiguration;
import org.springframework.data.redis.connection.lettuce.LettuceConnectionFactory;
import org.springframework.data.redis.connection.lettuce.LettucePoolingClientConfiguration;
import org.springframework.data.redis.core.ReactiveListOperations;
import org.springframework.data.redis.core.ReactiveStringRedisTemplate;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A loop over {@code ReactiveListOperations.leftPop(key, timeout)}. A blocking pop takes a connection of its own, so
 * they are pooled: https://docs.spring.io/spring-data/redis/reference/redis/connection-modes.html and the Javadoc of
 * {@link LettuceConnectionFactory}, which tells to pool for blocking commands.
 */
final class SpringRival implements Rival {
    private static final String QUEUE = "sluice-bench";
    private static final int PUSHES_PER_CALL = 1_000;
    private static final int CALLS_IN_FLIGHT = 8;
    private static final int LOOPS = 8;

    private final LettuceConnectionFactory connections;
    private final ReactiveListOperations<String, String> lists;

    SpringRival(String url) {
        URI uri = URI.create(url);
        GenericObjectPoolConfig<StatefulConnection<?, ?>> pool = new GenericObjectPoolConfig<>();
        pool.setMaxTotal(2 * LOOPS); // one is given back after the next is asked for
        connections = new LettuceConnectionFactory(
                new RedisStandaloneConfiguration(uri.getHost(), uri.getPort()),
                LettucePoolingClientConfiguration.builder().poolConfig(pool).build());
        connections.afterPropertiesSet();
        connections.start();
        lists = new ReactiveStringRedisTemplate(connections).opsForList();
    }

    @Override
    public String version() {
        return "Spring Data Redis " + ReactiveListOperations.class.getPackage().getImplementationVersion();
    }

    @Override
    public void fill(int tasks, String payload) {
        Flux.range(0, (tasks + PUSHES_PER_CALL - 1) / PUSHES_PER_CALL)
                .map(call -> Math.min(PUSHES_PER_CALL, tasks - call * PUSHES_PER_CALL))
                .flatMap(count -> lists.rightPushAll(QUEUE, Collections.nCopies(count, payload)), CALLS_IN_FLIGHT)
                .blockLast();
    }

    @Override
    public void enqueue(String payload) {
        lists.rightPush(QUEUE, payload).subscribe();
    }

    @Override
    public void work(Consumer<String> handler) {
        Flux.range(0, LOOPS)
                .flatMap(
                        loop -> lists.leftPop(QUEUE, Duration.ofSeconds(1))
                                .flatMap(payload -> Mono.fromRunnable(() -> handler.accept(payload)))
                                .repeat(),
                        LOOPS)
                .subscribe(none -> {}, failure -> {
                    System.err.println(failure);
                    Runtime.getRuntime().halt(1);
                });
    }

    @Override
    public void close() {
        // The process ends, and its loops with it.
    }
}
