package dev.sluice.dispatch;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Task;
import java.lang.reflect.Type;

/** Where handlers are registered: a {@link Dispatcher}, or the server that loads a {@link HandlerModule}. */
public interface HandlerRegistry {

    /**
     * Registers the handler of a type, for every queue.
     *
     * @param payload what the payload is decoded to; {@code byte[]} takes its JSON untouched, {@code Void} ignores it
     * @throws InvalidTaskException if no task can have the type, see {@link Task#of}
     * @throws IllegalStateException if the type has a handler already, or it is too late
     */
    <T> HandlerRegistry handler(String type, Class<T> payload, TaskHandler<T> handler);

    /** The same for a generic payload type, such as a list of something. */
    <T> HandlerRegistry handler(String type, Type payload, TaskHandler<T> handler);
}
