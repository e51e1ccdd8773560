package dev.sluice.http;

import static dev.sluice.dispatch.Eventually.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import tools.jackson.databind.JsonNode;

/** A client of a stream of events. */
final class Heard implements Flow.Subscriber<String>, AutoCloseable {
    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());
    private final CompletableFuture<Flow.Subscription> subscription = new CompletableFuture<>();
    private final CompletableFuture<Integer> status = new CompletableFuture<>();
    private final CompletableFuture<Void> over = new CompletableFuture<>();
    private final CompletableFuture<HttpResponse<Void>> response;

    Heard(HttpClient client, String url, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
        if (headers.length > 0) {
            request.headers(headers);
        }
        response = client.sendAsync(request.build(), answer -> {
            status.complete(answer.statusCode());
            return BodySubscribers.fromLineSubscriber(this);
        });
    }

    /** Waits until so many events were told, and gives each as its name and its data. */
    List<String> events(int count) {
        eventually(() -> assertThat(events()).hasSizeGreaterThanOrEqualTo(count));
        return events();
    }

    List<String> events() {
        List<String> all = new ArrayList<>();
        String name = "";
        for (String line : lines()) {
            name = line.startsWith("event: ") ? line.substring(7) : name;
            if (line.startsWith("data: ")) {
                all.add(name + " " + line.substring(6));
            }
        }
        return all;
    }

    /** The ids of the tasks that were told of, in this order, so far. */
    List<String> ids() {
        return events().stream()
                .filter(event -> event.startsWith("moved "))
                .map(event -> json(event).path("id").asString())
                .toList();
    }

    static JsonNode json(String event) {
        return Web.JSON.readTree(event.substring(event.indexOf(' ')));
    }

    int status() {
        return status.join();
    }

    List<String> lines() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /** Done when the server has ended the stream, well or not. */
    CompletableFuture<Void> over() {
        return over;
    }

    /** Goes away, as a client does that is stopped. */
    @Override
    public void close() {
        var unused = subscription.thenAccept(Flow.Subscription::cancel);
        response.cancel(true);
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        given.request(Long.MAX_VALUE);
        subscription.complete(given);
    }

    @Override
    public void onNext(String line) {
        lines.add(line);
    }

    @Override
    public void onError(Throwable failure) {
        over.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
        over.complete(null);
    }
}
