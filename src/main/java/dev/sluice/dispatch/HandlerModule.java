package dev.sluice.dispatch;

/**
 * The handlers in a jar, for {@code run --handlers DIR} of the standalone dispatcher; or for a dispatcher in a service of
 * one's own, by {@code new MyModule().register(dispatcher)}.
 *
 * <p>A jar names its modules in {@code META-INF/services/dev.sluice.dispatch.HandlerModule}. Each has a public constructor
 * without parameters; it is made and asked once, before anything connects to Redis. See {@code src/docs/handlers.md}.
 */
@FunctionalInterface
public interface HandlerModule {
    /** Registers every handler of this module. What is thrown ends the start of the server. */
    void register(HandlerRegistry handlers);
}
