/**
 * Delivers tasks to a URL: a {@code TaskHandler} that POSTs a task and reads the verdict in the answer. Floor 5; the only
 * home of Reactor Netty's client. Imports {@code task}, {@code codec}, {@code observe} and {@code dispatch}.
 *
 * <p>Threads: a request is built and signed on the handler thread that runs the task, and everything after that happens on
 * Reactor Netty's event loops. Nothing here blocks.
 */
@NullMarked
package dev.sluice.push;

import org.jspecify.annotations.NullMarked;
