package dev.sluice.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/*
 * A page can make a browser send requests here, and its author can let a name of his own lead to any address, so that
 * they are of the same site for the browser. He cannot keep it from saying which page, and which name.
 */

/** Refuses what a browser sends for the page of a stranger. Immutable. */
final class Sites {
    private static final Sites ANY = new Sites(null, false);
    private static final Set<String> FOREIGN = Set.of("cross-site", "same-site");

    private final @Nullable String own;
    private final boolean local;

    private Sites(@Nullable String own, boolean local) {
        this.own = own;
        this.local = local;
    }

    /** Of a server that is reached by names which are not known here. */
    static Sites ofAnyName() {
        return ANY;
    }

    static Sites of(InetSocketAddress bound) {
        InetAddress address = bound.getAddress();
        return new Sites(
                bound.getHostString().toLowerCase(Locale.ROOT), address != null && address.isLoopbackAddress());
    }

    static void checkOrigin(HttpHeaders headers) {
        String origin = headers.get(HttpHeaderNames.ORIGIN);
        boolean foreign = origin != null && !isHere(origin, headers.get(HttpHeaderNames.HOST));
        if (foreign || FOREIGN.contains(String.valueOf(headers.get("Sec-Fetch-Site")))) {
            throw Problem.of(403, "foreign-site", "a page of another site may not change anything here");
        }
    }

    /** Whoever has no token to show must not come by a name that anybody could have made. */
    void checkName(HttpHeaders headers) {
        if (own != null && !isKnown(name(headers.get(HttpHeaderNames.HOST)), own)) {
            throw Problem.of(
                    421,
                    "foreign-host",
                    "without tokens the Host must be an IP address, localhost, or the name that is listened at");
        }
    }

    private boolean isKnown(String name, String bound) {
        return name.equals("localhost")
                || name.equals(bound)
                || NetUtil.isValidIpV4Address(name)
                || (name.startsWith("[") && NetUtil.isValidIpV6Address(name))
                // In a network names without a dot are given by its owner alone.
                || (!local && !name.isEmpty() && name.indexOf('.') < 0);
    }

    private static boolean isHere(String origin, @Nullable String host) {
        int scheme = origin.indexOf("://");
        return scheme > 0 && origin.substring(scheme + 3).equalsIgnoreCase(host);
    }

    private static String name(@Nullable String host) {
        return host == null ? "" : host.replaceFirst(":[0-9]*$", "").toLowerCase(Locale.ROOT);
    }
}
