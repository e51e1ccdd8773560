package dev.sluice.app;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The command line in UTF-8, whatever the locale says.
 *
 * <p>Java decodes arguments in the locale's charset, and under {@code LANG=C} puts a question mark for each byte that is
 * not ASCII. Linux still has the bytes.
 */
final class RawArguments {
    private static final Path BYTES = Path.of("/proc/self/cmdline");

    private RawArguments() {}

    /** The arguments as they were typed, as far as that can be found out. */
    static String[] of(String... decoded) {
        if ("UTF-8".equalsIgnoreCase(System.getProperty("sun.jnu.encoding")) || !Files.isReadable(BYTES)) {
            return decoded;
        }
        try {
            return restored(Files.readAllBytes(BYTES), decoded);
        } catch (IOException unreadable) {
            return decoded;
        }
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
            restored[i] = restored(words.get(first + i), decoded[i]);
        }
        return restored;
    }

    private static String restored(byte[] word, String decoded) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(word))
                    .toString();
        } catch (CharacterCodingException anotherCharset) {
            return decoded;
        }
    }

    private static List<byte[]> words(byte[] commandLine) {
        List<byte[]> words = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < commandLine.length; i++) {
            if (commandLine[i] == 0) {
                words.add(Arrays.copyOfRange(commandLine, from, i));
                from = i + 1;
            }
        }
        return words;
    }
}
