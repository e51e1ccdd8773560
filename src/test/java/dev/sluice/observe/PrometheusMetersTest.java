package dev.sluice.observe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Queue;
import dev.sluice.task.QueueInfo;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PrometheusMetersTest {
    private final PrometheusMeters meters = PrometheusMeters.create();

    @Test
    void whatHappensIsTold() {
        Observer observer = meters.observer();
        observer.settled("mail", Outcome.SUCCEEDED, 3);
        observer.attempt("mail", "email.send", Outcome.SUCCEEDED, 3_000_000);

        assertThat(meters.text())
                .contains(
                        "sluice_settled_total{outcome=\"succeeded\",queue=\"mail\"} 3.0",
                        "sluice_attempt_seconds_bucket{outcome=\"succeeded\",queue=\"mail\",type=\"email.send\",le=\"0.0025\"} 0",
                        "sluice_attempt_seconds_bucket{outcome=\"succeeded\",queue=\"mail\",type=\"email.send\",le=\"0.005\"} 1");
    }

    @Test
    void whatMayTakeHoursHasBucketsForHours() {
        Observer observer = meters.observer();
        observer.waited("mail", "email.send", 600_000_000_000L);
        observer.ended("mail", "email.send", Outcome.DEAD, 7_200_000_000_000L);

        assertThat(meters.text())
                .contains(
                        "sluice_queueing_seconds_bucket{queue=\"mail\",type=\"email.send\",le=\"300.0\"} 0",
                        "sluice_queueing_seconds_bucket{queue=\"mail\",type=\"email.send\",le=\"900.0\"} 1",
                        "sluice_end_to_end_seconds_bucket{outcome=\"dead\",queue=\"mail\",type=\"email.send\",le=\"3600.0\"} 0",
                        "sluice_end_to_end_seconds_bucket{outcome=\"dead\",queue=\"mail\",type=\"email.send\",le=\"21600.0\"} 1");
    }

    @Test
    void aQueueIsAsItWasLastCounted() {
        Queue mail = Queue.named("mail");
        OptionalLong none = OptionalLong.empty();
        meters.observer().counted(new QueueInfo(mail, 7, 0, 2, none, 1, none, false, false, 0, Optional.empty()));
        meters.observer()
                .counted(new QueueInfo(
                        mail,
                        5,
                        0,
                        2,
                        OptionalLong.of(4),
                        1,
                        none,
                        false,
                        false,
                        0,
                        Optional.of(Duration.ofMillis(90_500))));

        assertThat(meters.text())
                .contains(
                        "sluice_tasks{queue=\"mail\",state=\"waiting\"} 5.0",
                        "sluice_oldest_seconds{queue=\"mail\"} 90.5",
                        "sluice_tasks{queue=\"mail\",state=\"running\"} 4.0",
                        "sluice_tasks{queue=\"mail\",state=\"dead\"} 1.0");
    }

    @Test
    void everyMeterSaysWhatItIs() {
        MicrometerObserverTest.everythingOnce(meters.observer(), "mail");

        assertThat(meters.text().lines().filter(line -> line.startsWith("# HELP sluice_")))
                .hasSizeGreaterThan(20)
                .allMatch(line -> line.matches("# HELP \\w+ \\p{Lu}.+"));
    }
}
