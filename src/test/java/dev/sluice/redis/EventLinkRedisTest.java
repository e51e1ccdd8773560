package dev.sluice.redis;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.StoreRefusedException;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import dev.sluice.testkit.RedisWire;
import io.lettuce.core.RedisURI;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A channel that the user may not have is missing alone, on whatever way the connection came to be. */
@OnEveryRedis
class EventLinkRedisTest {
    private static final List<String> CHANNELS = List.of("first", "second", "third");

    private final RedisWire wire;
    private final RedisLinks links;
    private final EventLink events;
    private final List<StoreRefusedException> refusals = new CopyOnWriteArrayList<>();

    EventLinkRedisTest(RedisServer redis) {
        wire = redis.wire();
        links = RedisLinks.own(RedisURI.create(redis.uri().replace("redis://", "redis://app:pw@")), null);
        events = links.events();
    }

    @BeforeEach
    void mayNotHaveTheSecond() {
        wire.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "resetchannels", "&first", "&third");
    }

    @AfterEach
    void close() {
        OneQueue.await(links.close());
        wire.call("ACL", "DELUSER", "app");
        wire.close();
    }

    @Test
    void whoeverComesWhileItIsBeingOpened() {
        listenToAll();

        eventually(() -> assertThat(refusals).hasSize(1));
        assertThat(refusals.get(0).reason()).isEqualTo("permission");
        allButTheSecondAreHeard();
    }

    @Test
    void whenItIsOpenedAnew() {
        listenToAll();
        eventually(() -> assertThat(refusals).hasSize(1));

        events.renew();

        eventually(() -> assertThat(refusals).hasSize(2));
        allButTheSecondAreHeard();
    }

    /** Redis closes the connections of a user who loses a channel that they listen to. */
    @Test
    void whenAChannelIsTakenFromTheUser() {
        wire.call("ACL", "SETUSER", "app", "&second");
        listenToAll();
        eventually(() -> assertThat(subscribers()).containsExactly(1L, 1L, 1L));

        wire.call("ACL", "SETUSER", "app", "resetchannels", "&first", "&third");

        allButTheSecondAreHeard();
    }

    /** Whoever follows the advice of the refusal has not to wait until the connection breaks. */
    @Test
    void onceTheUserMayHaveItAfterAll() {
        listenToAll();
        allButTheSecondAreHeard();

        wire.call("ACL", "SETUSER", "app", "&second");

        eventually(Duration.ofSeconds(20), () -> {
            events.ensure();
            assertThat(subscribers()).containsExactly(1L, 1L, 1L);
        });
    }

    private void listenToAll() {
        for (String channel : CHANNELS) {
            events.listen(channel, message -> {}, () -> {}, refusals::add);
        }
    }

    private void allButTheSecondAreHeard() {
        eventually(() -> assertThat(subscribers()).containsExactly(1L, 0L, 1L));
    }

    private List<Object> subscribers() {
        return CHANNELS.stream()
                .map(channel -> wire.call("PUBLISH", channel, "x"))
                .toList();
    }
}
