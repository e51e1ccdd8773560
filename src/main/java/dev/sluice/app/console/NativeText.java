package dev.sluice.app.console;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The command line and the environment in UTF-8, whatever the locale says.
 *
 * <p>Java decodes them in the locale's charset, and under {@code LANG=C} puts another character in the place of each byte that
 * is not ASCII. Linux still has the bytes.
 */
public final class NativeText {
    private static final Path ARGUMENTS = Path.of("/proc/self/cmdline");
    private static final Path VARIABLES = Path.of("/proc/self/environ");

    private NativeText() {}

    /** The arguments as they were typed, as far as that can be found out. */
    public static String[] arguments(String... decoded) {
        byte[] bytes = bytesOf(ARGUMENTS);
        return bytes == null ? decoded : restored(bytes, decoded);
    }

    /** The variables as they were set, as far as that can be found out. */
    public static Map<String, String> variables() {
        Map<String, String> decoded = System.getenv();
        byte[] bytes = bytesOf(VARIABLES);
        return bytes == null ? decoded : restored(bytes, decoded);
    }

    /** The last words of a command line whose words end in NUL, one for each of {@code decoded}. */
    static String[] restored(byte[] commandLine, String... decoded) {
        List<byte[]> words = words(commandLine);
        int first = words.size() - decoded.length;
        if (first < 0) {
            return decoded;
        }
        String[] restored = decoded.clone();
        for (int i = 0; i < decoded.length; i++) {
            String word = utf8(words.get(first + i));
            restored[i] = word == null ? decoded[i] : word;
        }
        return restored;
    }

    /** {@code decoded}, with the values that an environment has whose words end in NUL. */
    static Map<String, String> restored(byte[] environment, Map<String, String> decoded) {
        Map<String, String> restored = new HashMap<>(decoded);
        for (byte[] bytes : words(environment)) {
            String word = utf8(bytes);
            int end = word == null ? -1 : word.indexOf('=');
            if (word != null && end > 0) {
                restored.computeIfPresent(word.substring(0, end), (name, value) -> word.substring(end + 1));
            }
        }
        return restored;
    }

    private static byte @Nullable [] bytesOf(Path file) {
        if ("UTF-8".equalsIgnoreCase(System.getProperty("sun.jnu.encoding")) || !Files.isReadable(file)) {
            return null;
        }
        try {
            return Files.readAllBytes(file);
        } catch (IOException unreadable) {
            return null;
        }
    }

    /** Null if it is of another charset. */
    private static @Nullable String utf8(byte[] word) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(word))
                    .toString();
        } catch (CharacterCodingException anotherCharset) {
            return null;
        }
    }

    private static List<byte[]> words(byte[] text) {
        List<byte[]> words = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < text.length; i++) {
            if (text[i] == 0) {
                words.add(Arrays.copyOfRange(text, from, i));
                from = i + 1;
            }
        }
        return words;
    }
}
