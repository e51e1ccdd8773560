package dev.sluice.http;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may do what. Only digests are kept, and each is compared, in full: how long the look takes tells nothing of a token.
 * Immutable.
 */
final class Tokens {
    private static final String SCHEME = "bearer ";

    private final List<Entry> entries;

    private Tokens(List<Entry> entries) {
        this.entries = entries;
    }

    static Tokens none() {
        return new Tokens(List.of());
    }

    Tokens with(Role role, String token) {
        List<Entry> more = new ArrayList<>(entries);
        more.add(new Entry(digest(token), role));
        return new Tokens(List.copyOf(more));
    }

    boolean isEmpty() {
        return entries.isEmpty();
    }

    /** Throws a {@link Problem} unless whoever sends these headers may do what one of {@code enough} may. */
    void check(HttpHeaders headers, Set<Role> enough) {
        if (entries.isEmpty()) {
            return;
        }
        Set<Role> roles = rolesOf(headers.get(HttpHeaderNames.AUTHORIZATION));
        if (roles.isEmpty()) {
            throw Problem.of(401, "unauthorized", "a bearer token is needed, in the header Authorization")
                    .header(HttpHeaderNames.WWW_AUTHENTICATE, "Bearer realm=\"sluice\"");
        }
        if (!roles.contains(Role.OPERATE) && enough.stream().noneMatch(roles::contains)) {
            throw Problem.of(
                    403,
                    "forbidden",
                    "this token may not do that; its roles are "
                            + String.join(", ", roles.stream().map(Tokens::word).toList()));
        }
    }

    private Set<Role> rolesOf(@Nullable String authorization) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        if (authorization != null && authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            byte[] given = digest(authorization.substring(SCHEME.length()).strip());
            for (Entry entry : entries) {
                if (MessageDigest.isEqual(entry.digest, given)) {
                    roles.add(entry.role);
                }
            }
        }
        return roles;
    }

    private static String word(Role role) {
        return role.name().toLowerCase(Locale.ROOT);
    }

    private static byte[] digest(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException never) {
            throw new IllegalStateException("every JVM has SHA-256", never);
        }
    }

    private static final class Entry {
        private final byte[] digest;
        private final Role role;

        Entry(byte[] digest, Role role) {
            this.digest = digest;
            this.role = role;
        }
    }
}
