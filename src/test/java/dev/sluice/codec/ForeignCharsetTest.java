package dev.sluice.codec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.task.Failure;
import dev.sluice.task.Task;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever the JVM's default charset is, text is UTF-8 on the wire. */
class ForeignCharsetTest {

    private static final String TEXT = "任务 é \uD83D\uDE00";

    @ParameterizedTest
    @ValueSource(strings = {"US-ASCII", "ISO-8859-1", "GBK", "UTF-16BE"})
    void chineseGoesOutAndComesBack(String charset) throws IOException, InterruptedException {
        Process child = child(charset);
        String seen = new String(child.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);

        assertThat(child.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(seen).startsWith(charset + " true ").isEqualTo(charset + " " + report());
    }

    /** Runs in the child: prints its charset and the report in plain ASCII bytes. */
    public static void main(String[] args) {
        byte[] line = (Charset.defaultCharset() + " " + report()).getBytes(StandardCharsets.ISO_8859_1);
        System.out.write(line, 0, line.length);
        System.out.flush();
    }

    private static Process child(String charset) throws IOException {
        ProcessBuilder child = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dfile.encoding=" + charset,
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                ForeignCharsetTest.class.getName());
        child.environment().putAll(Map.of("LC_ALL", "C", "LANG", "C"));
        child.environment().remove("JAVA_TOOL_OPTIONS");
        return child.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static String report() {
        JsonCodec codec = JsonCodec.standard();
        byte[] element = Envelope.write(Task.of(TEXT, null).header(TEXT, TEXT), codec.encode(Map.of(TEXT, TEXT)), 0);
        Envelope read = Envelope.read(element, 0, element.length);
        byte[] foreign = ("{\"id\":\"" + TEXT + "\"}").getBytes(StandardCharsets.UTF_8);
        Map<String, String> payload =
                codec.decode(read.payloadBuffer(), read.payloadOffset(), read.payloadLength(), Map.class);
        boolean same = TEXT.equals(read.type())
                && read.headers().equals(Map.of(TEXT, TEXT))
                && payload.equals(Map.of(TEXT, TEXT))
                && TEXT.equals(Envelope.read(foreign, 0, foreign.length).id())
                && TEXT.equals(Failure.of("r", TEXT).message());
        return same + " " + HexFormat.of().formatHex(element);
    }
}
