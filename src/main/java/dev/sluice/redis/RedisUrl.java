package dev.sluice.redis;

import io.lettuce.core.RedisURI;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A Redis URL as a person gave it. Its text holds the password, {@link #toString()} does not. Parameters that mean
 * something to other libraries only are let pass: platforms set such URLs.
 */
public final class RedisUrl {
    private static final Pattern SCHEME =
            Pattern.compile("(rediss?|redis\\+(ssl|tls)|rediss?-sentinel|redis[-+]socket)://.+");
    private static final Pattern CREDENTIALS = Pattern.compile("^([a-z+-]+://)?(?:([^:@/]*):)?.*(?=@)");
    // What follows the host: of these parameters the values are no secrets, all others may be.
    private static final Pattern PARAMETER = Pattern.compile(
            "([?&](?!(?:timeout|database|db|clientName|libraryName|libraryVersion|verifyPeer|sentinelMasterId)=)[^=&#]*=)[^&#]*",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern PASSWORD_PARAMETER =
            Pattern.compile("[^?]*\\?(?:.*&)?(?:auth|pass|password|user|username)=.*", Pattern.CASE_INSENSITIVE);
    private static final Pattern SENTINEL_MASTER =
            Pattern.compile("[^#]+#.+|[^#?]+\\?(.*&)?sentinelMasterId=[^&#].*", Pattern.CASE_INSENSITIVE);
    private static final Pattern SENTINEL = Pattern.compile("(\\[[^]]+]|[^:]+)(?::([0-9]*))?");
    private static final Pattern HOST_AND_NO_NUMBER = Pattern.compile("[A-Za-z0-9.-]+:(?![0-9]*$)[^:]*");
    private static final Pattern DATABASE_PATH = Pattern.compile("/?|/[0-9]{1,5}");
    private static final Pattern WRONG_DATABASE =
            Pattern.compile("(.*&)?(database|db)=(?![0-9]{1,5}(&|$)).*", Pattern.CASE_INSENSITIVE);
    private static final Pattern WRONG_VERIFY_PEER =
            Pattern.compile("(.*&)?verifyPeer=(?!(full|ca|none)?(&|$)).*", Pattern.CASE_INSENSITIVE);
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
        check(url);
        return new RedisUrl(url);
    }

    /** A URL, or what was meant to be one, without its password and whatever a parameter may hide. */
    public static String masked(String url) {
        return CREDENTIALS
                .matcher(PARAMETER.matcher(url).replaceAll("$1***"))
                .replaceFirst(found -> Matcher.quoteReplacement((found.group(1) == null ? "" : found.group(1))
                        + (found.group(2) == null ? "" : found.group(2) + ":")
                        + "***"));
    }

    /** The URL with its password, to connect with. */
    public String text() {
        return text;
    }

    /** What Lettuce makes of it. */
    public RedisURI uri() {
        return RedisURI.create(text);
    }

    /** The number of its database, 0 unless it says otherwise. */
    public int database() {
        return uri().getDatabase();
    }

    /** The URL without its password. */
    @Override
    public String toString() {
        return masked(text);
    }

    private static void check(String url) {
        try {
            URI address = new URI(url);
            if (address.getScheme().endsWith("-sentinel")) {
                checkSentinels(url, address);
            } else if (!address.getScheme().endsWith("socket")) {
                checkHost(url, address);
            }
            checkParameters(url, address);
        } catch (URISyntaxException e) { // which has all of the text in its own message
            throw new IllegalArgumentException("'" + masked(url) + "' is no URL (" + e.getReason()
                    + "); percent-encode special characters of user and password");
        }
    }

    private static void checkHost(String url, URI address) {
        if (address.getHost() == null) {
            throw HOST_AND_NO_NUMBER.matcher(servers(address)).matches()
                    ? noPort(url)
                    : new IllegalArgumentException("'" + masked(url)
                            + "' names no host that can be read: it has letters, digits, '-' and '.';"
                            + " percent-encode special characters of user and password");
        }
        if (address.getPort() == 0 || address.getPort() > HIGHEST_PORT) {
            throw noPort(url);
        }
        checkPath(url, address);
    }

    private static IllegalArgumentException noPort(String url) {
        return new IllegalArgumentException(
                "'" + masked(url) + "' has no valid port: 1 to " + HIGHEST_PORT + ", or none for 6379");
    }

    /** What stands behind the credentials, as it is. */
    private static String servers(URI address) {
        String authority = address.getRawAuthority() == null ? "" : address.getRawAuthority();
        return authority.substring(authority.lastIndexOf('@') + 1);
    }

    private static void checkSentinels(String url, URI address) {
        if (!SENTINEL_MASTER.matcher(url).matches()) {
            throw new IllegalArgumentException("'" + masked(url) + "' names no master: " + address.getScheme()
                    + "://[:password@]host[:port][,host[:port]...][/database]#master");
        }
        for (String sentinel : servers(address).split(",", -1)) {
            checkSentinel(url, sentinel);
        }
        checkPath(url, address);
    }

    private static void checkSentinel(String url, String sentinel) {
        if (sentinel.isEmpty() || sentinel.startsWith(":")) {
            throw new IllegalArgumentException("'" + masked(url) + "' names a sentinel without a host");
        }
        Matcher parts = SENTINEL.matcher(sentinel);
        if (!parts.matches() || !isPort(parts.group(2))) {
            throw new IllegalArgumentException("'" + masked(url) + "' names a sentinel without a valid port: 1 to "
                    + HIGHEST_PORT + ", or none for 26379");
        }
    }

    private static boolean isPort(@Nullable String digits) {
        if (digits == null || digits.isEmpty()) {
            return true;
        }
        return digits.length() <= 5 && Integer.parseInt(digits) > 0 && Integer.parseInt(digits) <= HIGHEST_PORT;
    }

    private static void checkPath(String url, URI address) {
        if (!DATABASE_PATH.matcher(address.getRawPath()).matches()) {
            throw noDatabase(url, address.getScheme());
        }
    }

    private static void checkParameters(String url, URI address) {
        String parameters = address.getRawQuery() == null ? "" : address.getRawQuery();
        if (WRONG_DATABASE.matcher(parameters).matches()) {
            throw noDatabase(url, address.getScheme());
        }
        if (WRONG_VERIFY_PEER.matcher(parameters).matches()) {
            throw new IllegalArgumentException("'" + masked(url) + "' has no valid verifyPeer: full, ca or none");
        }
    }

    private static IllegalArgumentException noDatabase(String url, String scheme) {
        String example = scheme.endsWith("-sentinel")
                ? "host:26379/0#main"
                : scheme.endsWith("socket") ? "path?database=0" : "host:6379/0";
        return new IllegalArgumentException(
                "'" + masked(url) + "' has no valid database: a number, as in " + scheme + "://" + example);
    }
}
