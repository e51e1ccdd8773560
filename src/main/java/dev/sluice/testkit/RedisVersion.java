package dev.sluice.testkit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The version of a Redis server, as the binary itself tells it. */
public record RedisVersion(int major, int minor, int patch) {

    private static final Pattern VERSION = Pattern.compile("v=(\\d+)\\.(\\d+)\\.(\\d+)");
    private static final int LONGEST_ANSWER = 64 * 1024;
    private static final int SECONDS_TO_ANSWER = 5;
    private static final Map<Path, RedisVersion> KNOWN = new ConcurrentHashMap<>();

    /** Whether it is {@code major.minor} or later. */
    public boolean isAtLeast(int wantedMajor, int wantedMinor) {
        return major > wantedMajor || (major == wantedMajor && minor >= wantedMinor);
    }

    @Override
    public String toString() {
        return major + "." + minor + "." + patch;
    }

    static RedisVersion of(Path binary) {
        return KNOWN.computeIfAbsent(binary, RedisVersion::ask);
    }

    private static RedisVersion ask(Path binary) {
        String answer = answerOf(binary);
        Matcher version = VERSION.matcher(answer);
        if (!version.find()) {
            String told = answer.lines().findFirst().orElse("nothing");
            throw new RedisServerException(binary + " --version does not tell a version but: " + told);
        }
        return new RedisVersion(
                Integer.parseInt(version.group(1)),
                Integer.parseInt(version.group(2)),
                Integer.parseInt(version.group(3)));
    }

    private static String answerOf(Path binary) {
        Process process = begin(binary);
        FutureTask<byte[]> answer =
                new FutureTask<>(() -> process.getInputStream().readNBytes(LONGEST_ANSWER));
        Thread reader = new Thread(answer, "redis-version-" + process.pid());
        reader.setDaemon(true);
        reader.start();
        try {
            return new String(answer.get(SECONDS_TO_ANSWER, TimeUnit.SECONDS), StandardCharsets.UTF_8);
        } catch (TimeoutException e) {
            throw new RedisServerException(
                    binary + " --version did not end within " + SECONDS_TO_ANSWER + " s and was killed", e);
        } catch (ExecutionException e) {
            throw new RedisServerException("cannot read what " + binary + " --version says", e);
        } catch (InterruptedException e) {
            throw RedisProcess.interrupted(e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly); // of a script, which would go on without it
            process.destroyForcibly();
        }
    }

    private static Process begin(Path binary) {
        try {
            return new ProcessBuilder(binary.toString(), "--version")
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            throw new RedisServerException("cannot run " + binary, e);
        }
    }
}
