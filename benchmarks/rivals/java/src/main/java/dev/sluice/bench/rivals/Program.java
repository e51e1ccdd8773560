package dev.sluice.bench.rivals;

import com.sun.management.OperatingSystemMXBean;
import dev.sluice.task.DeliveryMode;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * {@code Program RIVAL URL COMMAND WARM COUNT LENGTH RATE}: does one step with one rival and prints one line of JSON.
 *
 * <p>Measured are {@code COUNT} tasks after {@code WARM} that are not. Whoever started it ends it if it takes too long.
 */
public final class Program {
    private static final long SPIN_NANOS = 50_000;
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final Rival rival;
    private final int warm;
    private final int count;
    private final int length;
    private final int rate;

    private Program(Rival rival, String... numbers) {
        this.rival = rival;
        this.warm = Integer.parseInt(numbers[0]);
        this.count = Integer.parseInt(numbers[1]);
        this.length = Integer.parseInt(numbers[2]);
        this.rate = Integer.parseInt(numbers[3]);
    }

    /** Exit codes: 0, 1 the step failed. */
    public static void main(String... arguments) {
        run(() -> rival(arguments[0], arguments[1]), Arrays.copyOfRange(arguments, 2, arguments.length));
    }

    /** Does the step that {@code COMMAND WARM COUNT LENGTH RATE} say, and ends the process. */
    static void run(Supplier<Rival> opened, String... step) {
        int code = 0;
        try (Rival rival = opened.get()) {
            if (step[0].equals("version")) {
                System.out.println("{\"version\":\"" + rival.version() + "\"}");
            } else {
                Program program = new Program(rival, Arrays.copyOfRange(step, 1, step.length));
                System.out.println(program.step(step[0]));
            }
        } catch (Exception failure) {
            System.err.println(failure);
            code = 1;
        }
        System.exit(code); // some of them leave threads behind
    }

    private static Rival rival(String name, String url) {
        return switch (name) {
            case "sluice" -> new SluiceRival(url, DeliveryMode.AT_LEAST_ONCE);
            case "sluice-at-most-once" -> new SluiceRival(url, DeliveryMode.AT_MOST_ONCE);
            case "lettuce" -> new LettuceRival(url);
            case "spring-data-redis" -> new SpringRival(url);
            case "redisson-queue" -> new RedissonQueueRival(url);
            case "redisson-executor" -> new RedissonExecutorRival(url);
            case "jesque" -> new JesqueRival(url);
            default -> throw new IllegalArgumentException("no rival is called " + name);
        };
    }

    private String step(String command) throws Exception {
        return switch (command) {
            case "fill" -> fill();
            case "drain" -> drain();
            case "latency" -> latency();
            default -> throw new IllegalArgumentException("no command is called " + command);
        };
    }

    private String fill() throws Exception {
        String payload = "x".repeat(length);
        rival.fill(warm, payload);
        Mark begun = new Mark();
        rival.fill(count, payload);
        return begun.since();
    }

    private String drain() throws InterruptedException {
        AtomicInteger handled = new AtomicInteger();
        Mark[] begun = new Mark[1];
        CountDownLatch done = new CountDownLatch(1);
        rival.work(payload -> {
            int now = handled.incrementAndGet();
            if (now == warm) {
                begun[0] = new Mark();
            } else if (now == warm + count) {
                done.countDown();
            }
        });
        done.await();
        return begun[0].since();
    }

    private String latency() throws InterruptedException {
        long[] micros = new long[warm + count];
        AtomicInteger handled = new AtomicInteger();
        CountDownLatch left = new CountDownLatch(warm + count);
        rival.work(payload -> {
            long due = Long.parseLong(payload.substring(0, payload.indexOf(' ')));
            micros[handled.getAndIncrement()] = (System.nanoTime() - due) / 1_000;
            left.countDown();
        });
        long origin = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(500);
        for (int i = 0; i < warm + count; i++) {
            long due = origin + (long) (i * 1e9 / rate);
            awaitInstant(due);
            rival.enqueue(String.format(Locale.ROOT, "%-" + length + "d", due));
        }
        left.await();
        return "{\"micros\":" + Arrays.toString(Arrays.copyOfRange(micros, warm, warm + count)) + "}";
    }

    private static void awaitInstant(long nanos) {
        for (long left = nanos - System.nanoTime(); left > 0; left = nanos - System.nanoTime()) {
            if (left > SPIN_NANOS) {
                LockSupport.parkNanos(left - SPIN_NANOS);
            } else {
                Thread.onSpinWait();
            }
        }
    }

    /** What the clock and this process' CPU said at an instant. */
    private static final class Mark {
        private final long nanos = System.nanoTime();
        private final long cpuNanos = SYSTEM.getProcessCpuTime();

        String since() {
            Mark now = new Mark();
            return String.format(
                    Locale.ROOT,
                    "{\"seconds\":%.6f,\"cpu\":%.6f}",
                    (now.nanos - nanos) / 1e9,
                    (now.cpuNanos - cpuNanos) / 1e9);
        }
    }
}
