package dev.sluice.app.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Pattern;

/** A Redis URL as a person gave it. Its text holds the password, {@link #toString()} does not. */
public final class RedisUrl {
    private static final Pattern SCHEME = Pattern.compile("(redis|rediss|redis-sentinel|redis-socket)://.+");
    private static final Pattern CREDENTIALS = Pattern.compile("^([a-z-]+://)?(?:([^:@/]*):)?.*(?=@)");
    // What follows the host: of these parameters the values are no secrets, all others may be.
    private static final Pattern PARAMETER = Pattern.compile(
            "([?&](?!(?:timeout|database|db|clientName|libraryName|libraryVersion|verifyPeer|sentinelMasterId)=)[^=&#]*=)[^&#]*",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern PASSWORD_PARAMETER =
            Pattern.compile("[^?]*\\?(?:.*&)?(?:auth|pass|password|user|username)=.*", Pattern.CASE_INSENSITIVE);
    private static final Pattern SENTINEL_MASTER = Pattern.compile("[^#]+#.+");
    private static final Pattern DATABASE = Pattern.compile("/?|/[0-9]{1,5}");
    private static final int HIGHEST_PORT = 65_535;

    private final String text;

    private RedisUrl(String text) {
        this.text = text;
    }

    /**
     * Checks what can be checked without connecting.
     *
     * @throws IllegalArgumentException if it is no Redis URL; the message says why, without the password
     */
    public static RedisUrl of(String given) {
        String url = given.strip();
        if (!SCHEME.matcher(url).matches()) {
            throw new IllegalArgumentException("'" + masked(url)
                    + "' is no Redis URL: redis://[user:password@]host[:port][/database], or rediss:// for TLS");
        }
        if (PASSWORD_PARAMETER.matcher(url).matches()) {
            throw new IllegalArgumentException("'" + masked(url)
                    + "' has a user or password as a parameter: the password stands before the host, as in"
                    + " redis://[user:password@]host");
        }
        if (url.startsWith("redis://") || url.startsWith("rediss://")) {
            checkAddress(url);
        } else if (url.startsWith("redis-sentinel://")
                && !SENTINEL_MASTER.matcher(url).matches()) {
            throw new IllegalArgumentException("'" + masked(url)
                    + "' names no master: redis-sentinel://[:password@]host[:port][,host[:port]...][/database]#master");
        }
        return new RedisUrl(url);
    }

    /** A URL, or what was meant to be one, without its password and whatever a parameter may hide. */
    public static String masked(String url) {
        return CREDENTIALS
                .matcher(PARAMETER.matcher(url).replaceAll("$1***"))
                .replaceFirst(
                        found -> java.util.regex.Matcher.quoteReplacement((found.group(1) == null ? "" : found.group(1))
                                + (found.group(2) == null ? "" : found.group(2) + ":")
                                + "***"));
    }

    /** The URL with its password, to connect with. */
    public String text() {
        return text;
    }

    /** The URL without its password. */
    @Override
    public String toString() {
        return masked(text);
    }

    private static void checkAddress(String url) {
        try {
            URI address = new URI(url);
            if (address.getHost() == null) {
                throw new IllegalArgumentException("'" + masked(url) + "' names no host that can be read;"
                        + " percent-encode special characters of user and password");
            }
            if (address.getPort() == 0 || address.getPort() > HIGHEST_PORT) {
                throw new IllegalArgumentException(
                        "'" + masked(url) + "' has no valid port: 1 to " + HIGHEST_PORT + ", or none for 6379");
            }
            if (!DATABASE.matcher(address.getRawPath()).matches()) {
                throw new IllegalArgumentException("'" + masked(url) + "' has no valid database: a number, as in "
                        + url.substring(0, url.indexOf(':')) + "://host:6379/0");
            }
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "'" + masked(url) + "' is no URL (" + e.getReason()
                            + "); percent-encode special characters of user and password",
                    e);
        }
    }
}
