package dev.sluice.bench.measure;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Map;

/** What this JVM and Redis have spent up to an instant; two of them tell what a run cost. */
public final class Effort {
    private final long nanos = System.nanoTime();
    private final double jvmSeconds;
    private final double redisSeconds;
    private final long commands;
    private final long memory;

    private Effort(Map<String, String> info) {
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        jvmSeconds = system.getProcessCpuTime() / 1e9;
        redisSeconds = number(info, "used_cpu_user") + number(info, "used_cpu_sys");
        commands = (long) number(info, "total_commands_processed");
        memory = (long) number(info, "used_memory");
    }

    public static Effort now(RedisUnderLoad redis) {
        return new Effort(redis.info());
    }

    /** Bytes that Redis holds. */
    public long memory() {
        return memory;
    }

    /** Seconds of CPU that Redis has spent since {@code before}. */
    public double redisSecondsSince(Effort before) {
        return redisSeconds - before.redisSeconds;
    }

    /** Seconds of CPU that this JVM has spent since {@code before}. */
    public double jvmSecondsSince(Effort before) {
        return jvmSeconds - before.jvmSeconds;
    }

    /** Adds rate and cost of {@code tasks} that were done between {@code before} and this. */
    public void since(Effort before, int tasks, double seconds, Figures figures) {
        figures.put("tasks/s", tasks / seconds);
        figures.put("JVM CPU s per 1M", jvmSecondsSince(before) * 1e6 / tasks);
        figures.put("Redis CPU s per 1M", redisSecondsSince(before) * 1e6 / tasks);
        figures.put("commands per task, in scripts too", (commands - before.commands) / (double) tasks);
    }

    public double secondsSince(Effort before) {
        return (nanos - before.nanos) / 1e9;
    }

    private static double number(Map<String, String> info, String field) {
        return Double.parseDouble(info.getOrDefault(field, "0"));
    }
}
