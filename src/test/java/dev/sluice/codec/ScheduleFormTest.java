package dev.sluice.codec;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.Schedule;
import dev.sluice.task.Task;
import dev.sluice.task.Timing;
import java.time.Duration;
import java.time.ZoneId;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleFormTest {

    @Test
    void everyFieldArrives() {
        Schedule read = read("""
                {"cron":"0 2 * * MON-FRI","zone":"Europe/Berlin","misfire":"catch-up 3","overlap":"skip","type":"report",
                 "payload":{"n":12345678901234567890},"maxAttempts":3,"timeout":"1.5s","keepResult":"2h","headers":{"a":"b"}}
                """);

        assertThat(read.name()).isEqualTo("nightly");
        assertThat(read.timing()).isEqualTo(Timing.cron("0 2 * * MON-FRI", ZoneId.of("Europe/Berlin")));
        assertThat(read.misfire()).isEqualTo(Misfire.catchUp(3));
        assertThat(read.overlap()).isEqualTo(Overlap.SKIP);
        assertThat(new String((byte[]) read.task().payload(), UTF_8)).isEqualTo("{\"n\":12345678901234567890}");
        assertThat(read.task().type()).isEqualTo("report");
        assertThat(read.task().maxAttempts()).isEqualTo(3);
        assertThat(read.task().timeout()).isEqualTo(Duration.ofMillis(1_500));
        assertThat(read.task().keepResult()).isEqualTo(Duration.ofHours(2));
        assertThat(read.task().headers()).containsEntry("a", "b");
    }

    @Test
    void whatIsAbsentOrNullIsAsInTheApi() {
        Schedule plain = Schedule.cron("nightly", "@daily", ZoneId.of("UTC"), Task.of("t", 1));

        Schedule read = read(
                "{\"cron\":\"@daily\",\"zone\":null,\"every\":null,\"misfire\":null,\"overlap\":null,\"type\":\"t\"}");

        assertThat(read.timing()).isEqualTo(plain.timing());
        assertThat(read.misfire()).isEqualTo(plain.misfire());
        assertThat(read.overlap()).isEqualTo(plain.overlap());
        assertThat(read("{\"every\":\"10m\",\"type\":\"t\"}").timing()).isEqualTo(Timing.every(Duration.ofMinutes(10)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "type     | {'every':'10m'}",
                "type     | {'every':'10m','type':7}",
                "cron     | {'type':'t'}",
                "cron     | {'type':'t','cron':5}",
                "cron     | {'type':'t','cron':''}",
                "cron     | {'type':'t','cron':'* * * * *','cron':'@daily'}",
                "zone     | {'type':'t','cron':'@daily','zone':'Berlin'}",
                "zone     | {'type':'t','cron':'@daily','zone':['UTC']}",
                "zone     | {'type':'t','every':'10m','zone':'UTC'}",
                "every    | {'type':'t','every':'10m','cron':'@daily'}",
                "every    | {'type':'t','every':600}",
                "every    | {'type':'t','every':'10'}",
                "every    | {'type':'t','every':'1ms'}",
                "every    | {'type':'t','every':'999999999d'}",
                "misfire  | {'type':'t','every':'10m','misfire':'often'}",
                "misfire  | {'type':'t','every':'10m','misfire':3}",
                "overlap  | {'type':'t','every':'10m','overlap':true}",
                "overlap  | {'type':'t','every':'10m','overlap':'never'}",
                "timeout  | {'type':'t','every':'10m','timeout':'soon'}",
                "headers  | {'type':'t','every':'10m','headers':{'a':1}}",
                "body     | {'type':'t','every':'10m','id':'a'}",
                "body     | {'type':'t','every':'10m','deadline':'2026-12-24T18:00:00Z'}",
                "body     | {'type':'t','every':'10m','enqueuedAt':7}",
                "body     | {'type':'t','every':'10m','overlaps':'skip'}"
            })
    void aMistakeNamesItsField(String field, String form) {
        assertThatThrownBy(() -> read(form.replace('\'', '"')))
                .isInstanceOfSatisfying(
                        InvalidTaskException.class, e -> assertThat(e.field()).isEqualTo(field));
    }

    @Test
    void whatIsNoObjectIsNoSchedule() {
        assertThatThrownBy(() -> read("[]")).isInstanceOf(EnvelopeException.class);
        assertThatThrownBy(() -> read("{\"type\":")).isInstanceOf(EnvelopeException.class);
        assertThatThrownBy(() -> ScheduleForm.read("a b", new byte[0], 0, 0))
                .isInstanceOfSatisfying(
                        InvalidTaskException.class, e -> assertThat(e.field()).isEqualTo("schedule"));
    }

    private static Schedule read(String form) {
        byte[] bytes = form.getBytes(UTF_8);
        return ScheduleForm.read("nightly", bytes, 0, bytes.length);
    }
}
