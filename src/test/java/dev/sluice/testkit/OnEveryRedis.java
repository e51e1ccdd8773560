package dev.sluice.testkit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Runs a test class once on Redis 6.2 and once on 7.0, both real. Every {@code *RedisTest} carries it; it never skips: a
 * missing server is a failure.
 *
 * <pre>{@code
 * @OnEveryRedis
 * class ExchangeRedisTest {
 *     @Test
 *     void anEmptyQueueGivesNothing(RedisServer redis) {        // or once, in the constructor
 *         assertThat(redis.call("LLEN", "q")).isEqualTo(0L);    // or redis.uri() for a Lettuce client
 *     }
 * }
 * }</pre>
 *
 * <p>A parameter of type {@link RedisServer}, of the constructor or of any test or lifecycle method, is the server of this
 * version that all classes share: emptied (FLUSHALL, SCRIPT FLUSH) before each test. It must stay as it is: no CONFIG SET,
 * no stop, no pause.
 *
 * <p>Who needs that asks for one of its own: {@code @Private RedisServer redis} is started for the test and closed after
 * it; {@code RedisServer.Builder redis} is a builder for this version, and what it starts is the test's to close.
 *
 * <p>After each test every {@link StoredStateCheck} looks at what is left in these servers. A test that leaves broken
 * state on purpose says so with {@link StoredStateMayBeBroken}.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ClassTemplate
@ExtendWith(RedisVersions.class)
public @interface OnEveryRedis {}
