package dev.sluice.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/** The verbs of the protocol, one Lua file each; {@code common.lua} stands in front of every one. */
enum Script {
    JOIN,
    ENQUEUE,
    EXCHANGE,
    HEARTBEAT,
    RECOVER,
    UPKEEP;

    private final byte[] text;
    private final byte[] sha;

    Script() {
        String verb = resource(name().toLowerCase(Locale.ROOT) + ".lua");
        this.text = (resource("common.lua") + "\n" + verb).getBytes(StandardCharsets.UTF_8);
        this.sha = HexFormat.of().formatHex(sha1(text)).getBytes(StandardCharsets.US_ASCII);
    }

    byte[] text() {
        return text;
    }

    byte[] sha() {
        return sha;
    }

    private static String resource(String file) {
        try (InputStream in = Script.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks dev/sluice/redis/" + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read dev/sluice/redis/" + file, e);
        }
    }

    private static byte[] sha1(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-1").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1", e);
        }
    }
}
