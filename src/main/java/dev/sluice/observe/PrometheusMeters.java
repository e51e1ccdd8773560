package dev.sluice.observe;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Set;
import java.util.stream.DoubleStream;

/**
 * All meters of {@link MicrometerObserver}, the timers per task included, in a registry of their own, as text for
 * Prometheus. Who has a registry already takes that observer instead. Needs {@code micrometer-registry-prometheus}.
 *
 * <p>The times have buckets, whose bounds are 1, 2.5, 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2.5, 5, 10, 30 and 60 s;
 * {@code sluice.queueing} and {@code sluice.end.to.end} also 5 and 15 min, 1 and 6 h. Thread-safe.
 */
public final class PrometheusMeters {
    private static final double[] BOUNDS_NS = {
        1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 2.5e8, 5e8, 1e9, 2.5e9, 5e9, 1e10, 3e10, 6e10
    };

    private static final double[] LONG_BOUNDS_NS = DoubleStream.concat(
                    DoubleStream.of(BOUNDS_NS), DoubleStream.of(3e11, 9e11, 3.6e12, 2.16e13))
            .toArray();
    private static final Set<String> LONG = Set.of("sluice.queueing", "sluice.end.to.end");

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Observer observer;

    private PrometheusMeters() {
        registry.config().meterFilter(new Buckets());
        observer = MicrometerObserver.withAttempts(registry);
    }

    /** Meters that are all at zero. */
    public static PrometheusMeters create() {
        return new PrometheusMeters();
    }

    /** Who keeps them: give it to {@code Sluice.Builder.observer}. */
    public Observer observer() {
        return observer;
    }

    /** All of them as they are now, in the text format of Prometheus, version 0.0.4. May wait for a lock, not for long. */
    public String text() {
        return registry.scrape();
    }

    private static final class Buckets implements MeterFilter {
        @Override
        public DistributionStatisticConfig configure(Meter.Id id, DistributionStatisticConfig config) {
            return id.getType() == Meter.Type.TIMER
                    ? DistributionStatisticConfig.builder()
                            .serviceLevelObjectives(LONG.contains(id.getName()) ? LONG_BOUNDS_NS : BOUNDS_NS)
                            .build()
                            .merge(config)
                    : config;
        }
    }
}
