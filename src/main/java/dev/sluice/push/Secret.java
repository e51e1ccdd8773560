package dev.sluice.push;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.Callable;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A key that receivers know, too. Any thread; never shown. */
final class Secret {
    private static final String PREFIX = "whsec_";
    private static final String ALGORITHM = "HmacSHA256";
    private static final String RULE = "a secret must be " + PREFIX + " and 24 to 64 bytes in base64";

    private final SecretKeySpec key;
    private final Callable<Mac> maker;
    private final Mac keyed; // only cloned: it is not thread-safe, and making one searches all providers

    Secret(byte[] key, Callable<Mac> maker) {
        this.key = new SecretKeySpec(key, ALGORITHM);
        this.maker = maker;
        this.keyed = made();
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
        return new Secret(key, () -> Mac.getInstance(ALGORITHM));
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
        } catch (CloneNotSupportedException ofThisProvider) { // as those whose keys are in hardware
            return made();
        }
    }

    private Mac made() {
        try {
            Mac mac = maker.call();
            mac.init(key);
            return mac;
        } catch (Exception e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    @Override
    public String toString() {
        return "***";
    }
}
