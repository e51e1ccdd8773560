package dev.sluice.bench.scenario;

import dev.sluice.bench.measure.RedisUnderLoad;
import java.util.List;
import java.util.function.BiFunction;

/** What can be measured, by the name it has on the command line. */
public enum Scenario {
    /** See {@link Drain}. */
    drain(Drain::variants),
    /** See {@link Work}. */
    work(Work::variants),
    /** See {@link Flow}. */
    mixed(Flow::mixed),
    /** See {@link Flow}. */
    millions(Flow::millions),
    /** See {@link Processes}. */
    processes(Processes::variants),
    /** See {@link Queues}. */
    queues(Queues::variants),
    /** See {@link Enqueue}. */
    enqueue(Enqueue::variants),
    /** See {@link Latency}. */
    latency(Latency::variants),
    /** See {@link Sweep}. */
    sweep(Sweep::variants),
    /** See {@link Due}. */
    due(Due::variants),
    /** See {@link Storm}. */
    retries(Storm::variants),
    /** See {@link Cancel}. */
    cancel(Cancel::variants),
    /** See {@link Await}. */
    await(Await::variants),
    /** See {@link Http}. */
    http(Http::variants),
    /** See {@link Push}. */
    push(Push::variants),
    /** See {@link Retain}. */
    retain(Retain::variants),
    /** See {@link Held}. */
    held(Held::variants),
    /** See {@link Idle}. */
    idle(Idle::variants);

    private final BiFunction<RedisUnderLoad, Load, List<Variant>> variants;

    Scenario(BiFunction<RedisUnderLoad, Load, List<Variant>> variants) {
        this.variants = variants;
    }

    /** Its variants, in the order they are to be run. */
    public List<Variant> variants(RedisUnderLoad redis, Load load) {
        return variants.apply(redis, load);
    }
}
