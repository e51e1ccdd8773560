package dev.sluice.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One operating-system process that runs {@code redis-server}, from its first log line to its end.
 *
 * <p>It never outlives this JVM, whatever ends the JVM. The shell that becomes the server first leaves a watchdog behind,
 * which does nothing but read a pipe that only this JVM holds open: when the JVM is gone, by kill -9 too, the kernel closes
 * the pipe, the read ends and the watchdog kills the server. No polling, no shutdown hook, no pid file. Because the shell
 * turns into the server ({@code exec}), its pid is the server's. Only a server that had to be killed in this way has left
 * files that nobody else removes: the watchdog does.
 *
 * <p>The server has a session of its own where {@code setsid} or Perl exists: Ctrl-C in a terminal goes to the whole foreground
 * group, and would end Redis before its users could drain.
 */
final class RedisProcess {

    private static final int LOG_LINES_KEPT = 1_000;
    private static final int LOG_LINES_TOLD = 15;
    private static final Duration TO_BE_REAPED = Duration.ofSeconds(1);
    private static final String READY = "Ready to accept connections";
    private static final String PORT_TAKEN = "Could not create server TCP listening socket";
    private static final Path SETSID = Path.of("/usr/bin/setsid");
    private static final Path PERL = Path.of("/usr/bin/perl"); // macOS has it, and no setsid
    private static final String SCRIPT = """
            exec 3<&0
            litter=$1 unpacked=$2; shift 2
            ( trap '' INT TERM HUP; read -r never <&3; kill -9 $$ && /bin/rm -rf "$litter" "$unpacked" ) >/dev/null 2>&1 &
            exec "$@" </dev/null 3<&-
            """;

    private final Process process;
    private final Deque<String> log = new ArrayDeque<>();
    private final CompletableFuture<Void> ready = new CompletableFuture<>();

    private RedisProcess(Process process) {
        this.process = process;
        Thread reader = new Thread(this::readLog, "redis-log-" + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /** {@code workingDir} is the server's own: it goes with it if this JVM is gone first. */
    static RedisProcess start(Path binary, Path config, Path workingDir, Duration limit) {
        List<String> command = new ArrayList<>(inItsOwnSession());
        command.addAll(List.of("/bin/sh", "-c", SCRIPT, "sh", workingDir.toString(), unpacked(binary)));
        command.addAll(List.of(binary.toString(), config.toString()));
        try {
            RedisProcess started = new RedisProcess(new ProcessBuilder(command)
                    .directory(workingDir.toFile())
                    .redirectErrorStream(true)
                    .start());
            started.awaitReady(limit);
            return started;
        } catch (IOException e) {
            throw new RedisServerException("cannot run " + binary, e);
        }
    }

    private static String unpacked(Path binary) {
        return RedisBinary.isUnpacked(binary) ? binary.toString() : "";
    }

    private static List<String> inItsOwnSession() {
        if (Files.isExecutable(SETSID)) {
            return List.of(SETSID.toString());
        }
        return Files.isExecutable(PERL)
                ? List.of(PERL.toString(), "-MPOSIX", "-e", "POSIX::setsid(); exec @ARGV")
                : List.of();
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    List<String> log() {
        synchronized (log) {
            return List.copyOf(log);
        }
    }

    // Through the handle: Process.destroy() also closes our end of the pipe, and the watchdog would not wait for the
    // flush.
    void terminate() {
        process.toHandle().destroy();
    }

    void kill() {
        process.toHandle().destroyForcibly();
    }

    void pause() {
        signal("STOP");
    }

    void resume() {
        if (!isAlive()) {
            return;
        }
        try {
            signal("CONT");
        } catch (RedisServerException e) {
            if (!hasEndedWithin(TO_BE_REAPED)) { // else there is nobody to wake: it was just ending by itself
                throw e;
            }
        }
    }

    boolean hasEndedWithin(Duration limit) {
        try {
            return process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    private void awaitReady(Duration limit) {
        try {
            ready.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            kill();
            throw new RedisServerException(
                    "redis-server was not ready after " + limit.toMillis() + " ms; " + lastWords(), e);
        } catch (ExecutionException e) {
            String story = "redis-server ended before it was ready; " + lastWords();
            throw story.contains(PORT_TAKEN) ? new RedisServer.PortTaken(story) : new RedisServerException(story, e);
        } catch (InterruptedException e) {
            kill();
            throw interrupted(e);
        }
    }

    private void readLog() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                keep(line);
                if (line.contains(READY)) {
                    ready.complete(null);
                }
            }
        } catch (IOException closed) {
            keep("(log ended: " + closed.getMessage() + ")");
        }
        ready.completeExceptionally(new IllegalStateException("the server's output ended"));
    }

    private void keep(String line) {
        synchronized (log) {
            if (log.size() == LOG_LINES_KEPT) {
                log.removeFirst();
            }
            log.addLast(line);
        }
    }

    private String lastWords() {
        List<String> lines = log();
        List<String> tail = lines.subList(Math.max(0, lines.size() - LOG_LINES_TOLD), lines.size());
        return tail.isEmpty() ? "it said nothing" : "its last words:\n  " + String.join("\n  ", tail);
    }

    // Java can send only SIGTERM and SIGKILL itself.
    private void signal(String name) {
        try {
            Process kill = new ProcessBuilder("/bin/sh", "-c", "kill -" + name + " " + pid())
                    .redirectErrorStream(true)
                    .start();
            if (!kill.waitFor(5, TimeUnit.SECONDS) || kill.exitValue() != 0) {
                throw new RedisServerException("cannot send SIG" + name + " to redis-server, process " + pid());
            }
        } catch (IOException e) {
            throw new RedisServerException("cannot send SIG" + name + " to redis-server, process " + pid(), e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    static RedisServerException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new RedisServerException("interrupted while waiting for redis-server", e);
    }
}
