/**
 * Delivers tasks to a URL: a {@code TaskHandler} that POSTs a task and reads the verdict in the answer. Floor 5; the only
 * home of Reactor Netty's client. Imports {@code task}, {@code codec}, {@code observe} and {@code dispatch}.
 *
 * <p>Threads: the handler thread that runs the task only subscribes; a request is built, signed and sent, and its answer read, on
 * Reactor Netty's event loops. Nothing here blocks.
 */
@NullMarked
package dev.sluice.push;

import org.jspecify.annotations.NullMarked;
