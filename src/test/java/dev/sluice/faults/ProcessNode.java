package dev.sluice.faults;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A dispatcher in a process of its own: see {@link WorkerMain}. */
final class ProcessNode implements Node {
    /** In place of a calm Redis. */
    static final String NOT_WATCHED = "-";

    /** What it says of its stop, and behind it in how many ms. */
    static final String STOPPED = "stopped ";

    private static final long PATIENCE_SECONDS =
            180; // a JVM was seen to need 60 s on a machine that was asked for ten times as much as it has

    private final String name;
    private final @Nullable FaultProxy proxy;
    private final Path journal;
    private final Process process;
    private final CompletableFuture<Void> ready = new CompletableFuture<>();
    private final CompletableFuture<Duration> stopped = new CompletableFuture<>();
    private volatile @Nullable CompletableFuture<Duration> ended;
    private final List<String> said = new ArrayList<>();

    /** One whose links nobody touches, and which watches by this calm Redis when it had no time, or does not. */
    ProcessNode(String name, int redisPort, Duration lease, int concurrency, Path folder, String calmRedis) {
        this(name, "redis://127.0.0.1:" + redisPort, lease, concurrency, folder, null, calmRedis);
    }

    /** One that is warm when it joins, and watches by this calm Redis when it had no time. */
    static ProcessNode behindAProxy(
            String name, int redisPort, Duration lease, int concurrency, Path folder, String calmRedis) {
        FaultProxy proxy = new FaultProxy(redisPort);
        return new ProcessNode(name, proxy.uri(), lease, concurrency, folder, proxy, calmRedis);
    }

    private ProcessNode(
            String name,
            String redis,
            Duration lease,
            int concurrency,
            Path folder,
            @Nullable FaultProxy proxy,
            String calmRedis) {
        this.name = name;
        this.proxy = proxy;
        this.journal = folder.resolve(name);
        try {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1", // it lives for seconds
                            "-XX:+UseSerialGC",
                            "-XX:MetaspaceSize=128m", // at the default it stands still for it, half a lease long
                            "-cp",
                            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                            WorkerMain.class.getName(),
                            redis,
                            QUEUE.name(),
                            name,
                            journal.toString(),
                            String.valueOf(lease.toMillis()),
                            String.valueOf(concurrency),
                            calmRedis,
                            proxy == null ? "cold" : "warm")
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread reader = new Thread(this::listen, "worker-" + name);
        reader.setDaemon(true);
        reader.start();
    }

    /** Returns when it has joined the queue. */
    ProcessNode awaitReady() throws Exception {
        ready.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        return this;
    }

    /** Returns when its process has ended by itself: with what it ended. */
    int awaitEnd() throws Exception {
        return process.onExit().get(PATIENCE_SECONDS, TimeUnit.SECONDS).exitValue();
    }

    /** What it did so far, also after its death. A line that is being written is left out. */
    List<Event> events() {
        try {
            String text = Files.exists(journal) ? Files.readString(journal) : "";
            return text.substring(0, text.lastIndexOf('\n') + 1)
                    .lines()
                    .map(line -> Event.read(name, line))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** When it had no time, as it saw that itself. */
    List<Fault> stalls() {
        return events().stream()
                .filter(event -> event.kind() == Event.Kind.STALLED)
                .map(event -> new Fault(
                        Fault.Kind.FROZEN, name, "no processor for it", event.nanos() - event.fence(), event.nanos()))
                .toList();
    }

    /** What it printed: warnings and worse. */
    String said() {
        synchronized (said) {
            return String.join("\n", said);
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public FaultProxy proxy() {
        return Objects.requireNonNull(proxy, "its links are its own");
    }

    @Override
    public void kill() {
        process.destroyForcibly();
    }

    @Override
    public boolean freezes() {
        return true;
    }

    @Override
    public void freeze() {
        signal("STOP");
    }

    @Override
    public void thaw() {
        signal("CONT");
    }

    /** One that is about to begin does that first: the time of its stop, and that of its end, counts from then on. */
    @Override
    public CompletableFuture<Duration> stop(Duration grace) {
        ended = ready.thenApply(nothing -> System.nanoTime()).thenCombine(process.onExit(), this::timeToTheEnd);
        try {
            process.getOutputStream().write(("stop " + grace.toMillis() + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new AssertionError(name + " has ended:\n" + said(), e);
        }
        return stopped;
    }

    /** Completes when its process has ended of a {@link #stop}, and well: with the time that took as seen from here. */
    CompletableFuture<Duration> ended() {
        return Objects.requireNonNull(ended, "nobody stopped it");
    }

    private Duration timeToTheEnd(long fromNanos, Process gone) {
        Duration took = Duration.ofNanos(System.nanoTime() - fromNanos);
        if (gone.exitValue() != 0) {
            throw new AssertionError(name + " has ended with " + gone.exitValue() + ":\n" + said());
        }
        return took;
    }

    @Override
    public void close() {
        process.destroyForcibly();
        if (proxy != null) {
            proxy.close();
        }
    }

    private void listen() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                synchronized (said) {
                    said.add(line);
                }
                if (line.equals("ready")) {
                    ready.complete(null);
                } else if (line.startsWith(STOPPED)) {
                    stopped.complete(Duration.ofMillis(Long.parseLong(line.substring(STOPPED.length()))));
                }
            }
        } catch (IOException e) {
            said.add(e.toString());
        }
        AssertionError end = new AssertionError(name + " has ended:\n" + said());
        ready.completeExceptionally(end);
        stopped.completeExceptionally(end);
    }

    private void signal(String signal) {
        try {
            Process kill = new ProcessBuilder("/bin/sh", "-c", "kill -" + signal + " " + process.pid()).start();
            if (kill.waitFor() != 0 && process.isAlive()) {
                throw new AssertionError("cannot send SIG" + signal + " to " + name + ":\n" + said());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
