package dev.sluice.push;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A key that receivers know, too. Any thread; never shown. */
final class Secret {
    private static final String PREFIX = "whsec_";
    private static final String ALGORITHM = "HmacSHA256";
    private static final String RULE = "a secret must be " + PREFIX + " and 24 to 64 bytes in base64";

    private final Mac keyed; // only cloned: it is not thread-safe, and making one searches all providers

    private Secret(byte[] key) {
        try {
            keyed = Mac.getInstance(ALGORITHM);
            keyed.init(new SecretKeySpec(key, ALGORITHM));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    /** The secret that is written so; what is wrong is told without it. */
    static Secret of(String text) {
        String given = text.strip();
        byte[] key;
        try {
            key = Base64.getDecoder().decode(given.startsWith(PREFIX) ? given.substring(PREFIX.length()) : given);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(RULE + "; this one is no base64");
        }
        if (key.length < 24 || key.length > 64) {
            throw new IllegalArgumentException(RULE + "; this one has " + key.length);
        }
        return new Secret(key);
    }

    /** The signature of a message, as Standard Webhooks writes it. */
    String sign(String id, long timestamp, byte[] body) {
        Mac mac = cloned();
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
    }

    private Mac cloned() {
        try {
            return (Mac) keyed.clone();
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("every Java's " + ALGORITHM + " can be cloned", e);
        }
    }

    @Override
    public String toString() {
        return "***";
    }
}
