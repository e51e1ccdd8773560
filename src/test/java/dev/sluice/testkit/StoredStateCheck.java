package dev.sluice.testkit;

/**
 * What must hold of everything stored in Redis, whichever test just ran.
 *
 * <p>Runs after every test on {@link OnEveryRedis}. To add one, name its class in
 * {@code src/test/resources/META-INF/services/dev.sluice.testkit.StoredStateCheck}.
 */
@FunctionalInterface
public interface StoredStateCheck {

    /** Throws an {@link AssertionError} that names the broken invariant and the keys; reads only. */
    void check(RedisServer redis);
}
