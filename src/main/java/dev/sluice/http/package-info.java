/**
 * Tasks, queues and dead letters over HTTP, with probes and metrics.
 *
 * <p>Floor 5: uses what the root and {@code client} offer, as any embedder may. The only home of Reactor Netty's server.
 * Requests are read and answered on the event loops of that server, and nothing here blocks one.
 */
@NullMarked
package dev.sluice.http;

import org.jspecify.annotations.NullMarked;
