package dev.sluice.push;

import dev.sluice.task.InvalidTaskException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Where the tasks of a type are delivered, and within which limits. Immutable; any number of handlers may share one.
 *
 * <p>The URL is fixed here and nothing in a task can change it: whoever may enqueue cannot choose whom this process talks
 * to. What the host resolves to is looked at anew for each connection, on the very address that is connected to.
 */
public final class PushTarget {
    private static final int HIGHEST_PORT = 65_535;

    private final URI url;
    private final List<Secret> secrets;
    private final AddressGuard guard;
    private final int connections;
    private final Duration connectTimeout;
    private final int resultLimit;
    private final Set<Integer> deadStatuses;

    private PushTarget(Builder built) {
        this.url = built.url;
        this.secrets = List.copyOf(built.secrets);
        this.guard = new AddressGuard(built.allowed);
        this.connections = built.connections;
        this.connectTimeout = built.connectTimeout;
        this.resultLimit = built.resultLimit;
        this.deadStatuses = Set.copyOf(built.deadStatuses);
    }

    /**
     * Begins a target.
     *
     * @param url {@code http://} or {@code https://}, without user, password and fragment
     * @throws IllegalArgumentException if it is another; the message shows neither a password nor parameters
     */
    public static Builder to(String url) {
        return new Builder(checked(url));
    }

    /** Scheme, host and port: what logs and metrics may show. */
    public String name() {
        return url.getScheme() + "://" + url.getRawAuthority();
    }

    URI url() {
        return url;
    }

    List<Secret> secrets() {
        return secrets;
    }

    AddressGuard guard() {
        return guard;
    }

    int connections() {
        return connections;
    }

    Duration connectTimeout() {
        return connectTimeout;
    }

    int resultLimit() {
        return resultLimit;
    }

    Set<Integer> deadStatuses() {
        return deadStatuses;
    }

    /** Its name; never path, parameters or secrets. */
    @Override
    public String toString() {
        return name();
    }

    private static URI checked(String text) {
        URI url;
        try {
            url = new URI(text.strip());
        } catch (URISyntaxException e) {
            // Not the text itself, which may hold a password, and so no cause that has it in its message.
            throw new IllegalArgumentException("must be an http:// or https:// URL, was none: " + e.getReason());
        }
        String scheme = url.getScheme();
        if (scheme == null || !(scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))) {
            throw new IllegalArgumentException("must be an http:// or https:// URL");
        }
        if (url.getRawAuthority() != null && url.getRawAuthority().contains("@")) {
            throw new IllegalArgumentException(
                    "must have no user and no password: deliveries are signed with a secret");
        }
        if (url.getHost() == null) {
            throw new IllegalArgumentException(
                    url.getRawAuthority() == null
                            ? "must name a host"
                            : "must name a host of letters, digits, dots and hyphens: Java reads no other name there");
        }
        if (url.getPort() == 0 || url.getPort() > HIGHEST_PORT) {
            throw new IllegalArgumentException("must have a port of 1 to " + HIGHEST_PORT + ", or none");
        }
        if (url.getRawFragment() != null) {
            throw new IllegalArgumentException("must have no fragment (#): no server would see it");
        }
        return url;
    }

    /** What differs from the defaults. Not thread-safe. */
    public static final class Builder {
        static final int MAX_RESULT = 1024 * 1024;

        private static final int MAX_SECRETS = 10;
        private static final int MAX_CONNECTIONS = 10_000;
        private static final Duration MIN_CONNECT_TIMEOUT = Duration.ofMillis(1);
        private static final Duration MAX_CONNECT_TIMEOUT = Duration.ofMinutes(5);

        private final URI url;
        private final List<Secret> secrets = new ArrayList<>();
        private final List<Network> allowed = new ArrayList<>();
        private final Set<Integer> deadStatuses = new LinkedHashSet<>();
        private int connections = 64;
        private Duration connectTimeout = Duration.ofSeconds(10);
        private int resultLimit = 64 * 1024;

        private Builder(URI url) {
            this.url = url;
        }

        /**
         * Signs each delivery with one more secret, as Standard Webhooks says; default: none, deliveries are not signed.
         * While a secret is replaced there are two, and a receiver takes a signature of either.
         *
         * @param secret {@code whsec_} and 24 to 64 bytes in base64; the prefix may be left out. At most 10
         * @throws IllegalArgumentException if it is none, or one too many; the message does not quote it
         */
        public Builder secret(String secret) {
            if (secrets.size() == MAX_SECRETS) {
                throw new IllegalArgumentException("there must be at most " + MAX_SECRETS + " secrets");
            }
            secrets.add(Secret.of(secret));
            return this;
        }

        /**
         * Lets deliveries go to any address, also this machine's and those of its networks; default: only to addresses of
         * the public internet. Prefer to name the network.
         */
        public Builder allowPrivate() {
            return allowPrivate("0.0.0.0/0").allowPrivate("::/0");
        }

        /**
         * Lets deliveries go to the addresses of one more network that is not public.
         *
         * @param network such as {@code 10.1.0.0/16}, {@code fd00::/8}, or a single address
         * @throws IllegalArgumentException if it is none
         */
        public Builder allowPrivate(String network) {
            allowed.add(Network.of(network));
            return this;
        }

        /**
         * The most connections at once, and so the most deliveries under way: 1 to 10,000; default 64.
         *
         * @throws InvalidTaskException if outside of that
         */
        public Builder connections(int most) {
            check(
                    "connections",
                    most >= 1 && most <= MAX_CONNECTIONS,
                    "connections must be 1 to " + MAX_CONNECTIONS + ", was " + most);
            connections = most;
            return this;
        }

        /**
         * How long a connection may take to be there: 1 ms to 5 minutes; default 10 s.
         *
         * @throws InvalidTaskException if outside of that
         */
        public Builder connectTimeout(Duration limit) {
            check(
                    "connectTimeout",
                    limit.compareTo(MIN_CONNECT_TIMEOUT) >= 0 && limit.compareTo(MAX_CONNECT_TIMEOUT) <= 0,
                    "connectTimeout must be 1 ms to 5 minutes, was " + limit);
            connectTimeout = limit;
            return this;
        }

        /**
         * The longest answer that becomes a result, in bytes: 0 (none does) to 1 MiB; default 64 KiB.
         *
         * @throws InvalidTaskException if outside of that
         */
        public Builder resultLimit(int bytes) {
            check(
                    "resultLimit",
                    bytes >= 0 && bytes <= MAX_RESULT,
                    "resultLimit must be 0 to " + MAX_RESULT + " bytes, was " + bytes);
            resultLimit = bytes;
            return this;
        }

        /**
         * Makes a task whose delivery is answered with {@code status} a dead letter at once, whatever attempts are left.
         * 410 and 489 always do.
         *
         * @param status 300 to 599
         * @throws InvalidTaskException if outside of that
         */
        public Builder deadOn(int status) {
            check("deadOn", status >= 300 && status <= 599, "a status must be 300 to 599, was " + status);
            deadStatuses.add(status);
            return this;
        }

        /**
         * The target.
         *
         * @throws IllegalArgumentException if the URL names an address, not a host, that is not allowed
         */
        public PushTarget build() {
            PushTarget target = new PushTarget(this);
            Network.addressIn(url.getHost()).ifPresent(target.guard::check);
            return target;
        }

        private static void check(String field, boolean holds, String otherwise) {
            if (!holds) {
                throw new InvalidTaskException(field, otherwise);
            }
        }
    }
}
