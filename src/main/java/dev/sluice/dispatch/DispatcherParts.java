package dev.sluice.dispatch;

import dev.sluice.observe.Observer;
import dev.sluice.redis.RedisLinks;
import java.time.Duration;

/** What all pumps of a dispatcher share. */
record DispatcherParts(
        RedisLinks links,
        EventLoop loop,
        HandlerPool pool,
        HeldBytes bytes,
        Observer observer,
        Outages outages,
        Duration lease,
        int crashLimit) {}
