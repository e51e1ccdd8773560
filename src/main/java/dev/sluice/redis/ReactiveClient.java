package dev.sluice.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisChannelWriter;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.RedisURI;
import io.lettuce.core.StatefulRedisConnectionImpl;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.protocol.DefaultEndpoint;
import io.lettuce.core.protocol.PushHandler;
import io.lettuce.core.pubsub.PubSubEndpoint;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnectionImpl;
import io.lettuce.core.pubsub.api.sync.RedisPubSubCommands;
import io.lettuce.core.resource.ClientResources;
import io.netty.channel.Channel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A client whose connections tell whether anything gets through them, and have no {@code sync()}: it answers null, and nobody
 * here may call it, since it blocks.
 *
 * <p>Lettuce builds that facade with every connection, as a proxy whose first instance compares each of its 800 methods
 * with all others: half of the time from the start of a program to its first answer from Redis.
 */
final class ReactiveClient extends RedisClient {
    ReactiveClient(ClientResources resources, RedisURI uri) {
        super(resources, uri);
    }

    /** How often bytes have got through this connection, which such a client opened. Any thread. */
    static long passed(StatefulRedisConnection<?, ?> connection) {
        return ((Connection<?, ?>) connection).traffic.passed();
    }

    @Override
    protected DefaultEndpoint createEndpoint() {
        return new Endpoint(getOptions(), getResources());
    }

    /** Of {@link #createEndpoint}: it takes the pushes, too. */
    @Override
    protected <K, V> StatefulRedisConnectionImpl<K, V> newStatefulRedisConnection(
            RedisChannelWriter writer, PushHandler endpoint, RedisCodec<K, V> codec, Duration timeout) {
        return new Connection<>(writer, (Endpoint) endpoint, codec, timeout);
    }

    @Override
    protected <K, V> StatefulRedisPubSubConnectionImpl<K, V> newStatefulRedisPubSubConnection(
            PubSubEndpoint<K, V> endpoint, RedisChannelWriter writer, RedisCodec<K, V> codec, Duration timeout) {
        return new PubSubConnection<>(endpoint, writer, codec, timeout);
    }

    private static final class Endpoint extends DefaultEndpoint {
        private final Traffic traffic = new Traffic();

        Endpoint(ClientOptions options, ClientResources resources) {
            super(options, resources);
        }

        @Override
        public void notifyChannelActive(Channel channel) {
            traffic.watch(channel);
            super.notifyChannelActive(channel);
        }
    }

    private static final class Connection<K, V> extends StatefulRedisConnectionImpl<K, V> {
        private final Traffic traffic;

        Connection(RedisChannelWriter writer, Endpoint endpoint, RedisCodec<K, V> codec, Duration timeout) {
            super(writer, endpoint, codec, timeout);
            this.traffic = endpoint.traffic;
        }

        @Override
        @SuppressWarnings("NullAway") // see the class comment
        protected RedisCommands<K, V> newRedisSyncCommandsImpl() {
            return null;
        }
    }

    /** Subscribes anew with a command for each channel: Lettuce's one for all would be refused for the sake of one. */
    private static final class PubSubConnection<K, V> extends StatefulRedisPubSubConnectionImpl<K, V> {
        private final PubSubEndpoint<K, V> endpoint;

        PubSubConnection(
                PubSubEndpoint<K, V> endpoint, RedisChannelWriter writer, RedisCodec<K, V> codec, Duration timeout) {
            super(endpoint, writer, codec, timeout);
            this.endpoint = endpoint;
        }

        @Override
        @SuppressWarnings("unchecked") // an array of one
        protected List<RedisFuture<Void>> resubscribe() {
            List<RedisFuture<Void>> subscribed = new ArrayList<>();
            endpoint.getChannels().forEach(channel -> subscribed.add(async().subscribe(channel)));
            return subscribed;
        }

        @Override
        @SuppressWarnings("NullAway") // see the class comment
        protected RedisPubSubCommands<K, V> newRedisSyncCommandsImpl() {
            return null;
        }
    }
}
