package dev.sluice.app.serve;

import dev.sluice.app.console.Waiting;
import dev.sluice.dispatch.Dispatcher;
import dev.sluice.observe.Observer;
import dev.sluice.push.PushHandler;
import dev.sluice.push.PushTarget;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import reactor.core.publisher.Mono;

/** The task types that the configuration delivers to a URL. Making one loads an HTTP client. */
final class Pushes {
    private static final Duration TIME_TO_CLOSE = Duration.ofMillis(40); // see Service

    private final Map<String, PushHandler> handlers = new LinkedHashMap<>();

    Pushes(Map<String, PushTarget> targets, Observer observer) {
        targets.forEach((type, target) -> handlers.put(type, PushHandler.to(target, observer)));
    }

    /** Registers all of them, and has their connections closed after the dispatcher has stopped. */
    void register(Dispatcher dispatcher, BuiltInTypes types, Closing closing) {
        handlers.forEach((type, handler) -> dispatcher.handler(type, byte[].class, types.observed(handler)));
        closing.add(() -> Waiting.endsWithin(Waiting.begin(close()), TIME_TO_CLOSE));
    }

    private Mono<Void> close() {
        return Mono.when(handlers.values().stream().map(PushHandler::close).toList());
    }
}
