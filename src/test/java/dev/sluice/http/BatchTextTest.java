package dev.sluice.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.client.EnqueueResult;
import dev.sluice.client.EnqueueResult.Outcome;
import dev.sluice.task.StoreUnavailableException;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class BatchTextTest {
    @Test
    void itemsAreToldInTheirPlaces() {
        BatchUnit unit = unit(5, "{\"type\":\"t\"}", "bad", "{\"type\":\"t\"}", "{\"type\":\"t\"}");
        assertThat(unit.tasks()).hasSize(3);

        unit.met(List.of(result("a", Outcome.CREATED), result("b", Outcome.EXISTING), result("c", Outcome.FULL)));

        String told = new String(new BatchText(true, false).of(unit), UTF_8);
        List<JsonNode> items = told.lines().map(Web.JSON::readTree).toList();
        assertThat(told).startsWith("{\"index\":5,\"status\":201,\"id\":\"a\",\"outcome\":\"created\"}\n");
        assertThat(items).extracting(item -> item.path("index").asInt()).containsExactly(5, 6, 7, 8);
        assertThat(items).extracting(item -> item.path("status").asInt()).containsExactly(201, 400, 200, 429);
        assertThat(items).extracting(item -> item.path("id").asString("")).containsExactly("a", "", "b", "c");
        assertThat(items.get(2).path("outcome").asString()).isEqualTo("existing");
    }

    @Test
    void anyIdIsToldAsItIs() {
        String odd = "\"a\\b\"\u00fc\u2028\ud83d\ude00</script>";
        BatchUnit unit = unit(0, "{\"type\":\"t\"}");
        unit.met(List.of(result(odd, Outcome.CREATED)));

        JsonNode told = Web.JSON.readTree(new BatchText(true, false).of(unit));

        assertThat(told.path("id").asString()).isEqualTo(odd);
    }

    @Test
    void onlyWhatFailedForAReasonThatPassesIsTriedAgain() {
        BatchUnit unit = unit(0, "{\"type\":\"t\",\"id\":\"a\"}", "{\"type\":\"u\"}", "{\"type\":\"v\",\"id\":\"c\"}");
        var away = new StoreUnavailableException("away", null);
        unit.met(List.of(
                result("a", Outcome.FULL),
                new EnqueueResult("b", Outcome.FAILED, away),
                new EnqueueResult("c", Outcome.FAILED, away)));

        assertThat(unit.passing()).extracting(task -> task.type() + task.id()).containsExactly("ub", "vc");
        unit.metAgain(List.of(result("b", Outcome.EXISTING), result("c", Outcome.FULL)));

        assertThat(new String(new BatchText(true, false).of(unit), UTF_8).lines())
                .extracting(line -> Web.JSON.readTree(line).path("status").asInt())
                .containsExactly(429, 200, 429);
    }

    @Test
    void anArrayHasItsCommasAcrossUnits() {
        BatchText text = new BatchText(false, false);
        BatchUnit one = unit(0, "{\"type\":\"t\"}");
        one.met(List.of(result("a", Outcome.CREATED)));
        BatchUnit other = unit(1, "7");

        String told =
                new String(text.of(one), UTF_8) + new String(text.of(other), UTF_8) + new String(text.end(), UTF_8);

        assertThat(Web.JSON.readTree(told).findValuesAsString("status")).containsExactly("201", "400");
        assertThat(new BatchText(false, false).end()).asString(UTF_8).isEqualTo("[]");
        assertThat(new BatchText(true, true).end()).asString(UTF_8).isEqualTo("{\"accepted\":0,\"refused\":0}\n");
    }

    private static BatchUnit unit(long first, String... items) {
        Splitter splitter = Splitter.ofLines(1_000);
        List<Item> split = splitter.feed((String.join("\n", items) + "\n").getBytes(UTF_8));
        return new BatchUnit(
                split.stream()
                        .map(item -> Item.of(first + item.index(), item.bytes(), item.from(), item.to()))
                        .toList(),
                null);
    }

    private static EnqueueResult result(String id, Outcome outcome) {
        return new EnqueueResult(id, outcome, null);
    }
}
