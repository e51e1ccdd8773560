package dev.sluice.bench.micro;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.JsonCodec;
import dev.sluice.redis.Frame;
import dev.sluice.task.Task;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** A task with a payload of 100 bytes on its way between an object and the bytes that Redis holds. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class EnvelopeBenchmark {
    private final JsonCodec codec = JsonCodec.standard();
    private final Letter letter = new Letter("ann@example.org", "x".repeat(66));
    private final byte[] payload = codec.encode(letter);
    private final Task<Letter> task = Task.of("email.send", letter).id("welcome-17");
    private final byte[] envelope = Envelope.write(task, payload, 1_764_222_000_000L);
    private final byte[] frame = Frame.ofClient("welcome-17", envelope);

    /** {@code {"to":"...","text":"..."}}. */
    public record Letter(String to, String text) {}

    @Benchmark
    public byte[] payloadIsWritten() {
        return codec.encode(letter);
    }

    @Benchmark
    public Letter payloadIsRead() {
        return codec.decode(payload, 0, payload.length, Letter.class);
    }

    @Benchmark
    public byte[] envelopeIsWritten() {
        return Envelope.write(task, payload, 1_764_222_000_000L);
    }

    @Benchmark
    public Envelope envelopeIsRead() {
        return Envelope.read(envelope, 0, envelope.length);
    }

    @Benchmark
    public byte[] frameIsWritten() {
        return Frame.ofClient("welcome-17", envelope);
    }

    @Benchmark
    public Frame frameIsRead() {
        return Frame.read(frame);
    }
}
