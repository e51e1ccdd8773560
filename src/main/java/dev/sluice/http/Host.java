package dev.sluice.http;

import reactor.core.publisher.Mono;

/**
 * What a server is to the requests that come to it.
 *
 * @param sites by which names it is reached
 * @param stopping completes when it stops: what has no end of its own ends then
 */
record Host(Sites sites, Mono<Void> stopping) {
    /** A server that is somebody else's: he closes the connections. */
    static final Host UNKNOWN = new Host(Sites.ofAnyName(), Mono.never());
}
