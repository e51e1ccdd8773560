package dev.sluice.bench.scenario;

import dev.sluice.bench.measure.Figures;
import dev.sluice.bench.measure.RedisUnderLoad;
import java.util.List;
import java.util.Map;

/** Pick-up latency at rates that double until the machine is saturated: tasks wait long, or are not even put in in time. */
final class Sweep implements Variant {
    private static final int FIRST_RATE = 1_000;
    private static final int HIGHEST_RATE = 1_000_000;
    private static final double GOOD_MS = 10;
    private static final double SATURATED_MS = 100;

    private final RedisUnderLoad redis;
    private final Load load;

    private Sweep(RedisUnderLoad redis, Load load) {
        this.redis = redis;
        this.load = load;
    }

    static List<Variant> variants(RedisUnderLoad redis, Load load) {
        return List.of(new Sweep(redis, load));
    }

    @Override
    public String name() {
        return "latency at rates that double until saturation";
    }

    @Override
    public Figures run() throws InterruptedException {
        new Latency(redis, load, FIRST_RATE, false).measure(); // in its first seconds a JVM compiles
        Figures each = new Figures();
        double good = 0;
        for (int rate = FIRST_RATE; rate <= HIGHEST_RATE; rate *= 2) {
            Map<String, Double> figures = new Latency(redis, load, rate, false).measure().values();
            double p99 = figures.get("p99 ms");
            each.put("p50 ms at " + rate + "/s", figures.get("p50 ms"));
            each.put("p99 ms at " + rate + "/s", p99);
            if (figures.get(Latency.NOT_TAKEN) > 0 || p99 > SATURATED_MS) {
                break;
            }
            good = p99 <= GOOD_MS ? rate : good;
        }
        Figures all = new Figures();
        all.put("tasks/s at most with p99 up to 10 ms", good);
        each.values().forEach(all::put);
        return all;
    }
}
