package dev.sluice.http;

import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerResponse;

/** How one kind of request is answered. */
@FunctionalInterface
interface Route {
    /** Answers; fails with what {@link Problem#of(Throwable)} knows, before anything is sent. */
    Mono<Void> serve(Call call, HttpServerResponse response);

    /** One whose answer is whole before it is sent. */
    static Route answering(Handler handler) {
        return (call, response) -> handler.handle(call)
                .timeout(HttpApi.TIME_FOR_AN_ANSWER)
                .flatMap(answer -> Mono.from(answer.sendTo(response, call.wantsBody())))
                .contextWrite(HttpApi.CLIENT_MAY_BE_GONE);
    }

    /** Makes an answer. */
    @FunctionalInterface
    interface Handler {
        Mono<Answer> handle(Call call);
    }
}
