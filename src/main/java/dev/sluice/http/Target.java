package dev.sluice.http;

import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where a request goes: the segments of its path and the parameters of its query, each decoded by itself.
 *
 * <p>Segments are taken as they are: {@code %2F} is a character of an id and no separator, {@code ..} is a name like any
 * other. Where a path may end in a verb, as in {@code /v1/queues/mail:pause}, the verb follows the last colon that is not
 * percent-encoded.
 */
final class Target {
    private static final int MOST_PARAMETERS = 32;

    private final List<String> raw;
    private final List<String> segments = new ArrayList<>();
    private final Map<String, String> parameters = new LinkedHashMap<>();

    private Target(String path, String query) {
        List<String> parts = List.of(path.split("/", -1));
        raw = parts.subList(1, parts.size());
        raw.forEach(segment -> segments.add(decoded(segment, false)));
        if (!query.isEmpty()) {
            for (String pair : query.split("&", MOST_PARAMETERS + 1)) {
                add(pair);
            }
        }
    }

    /** Throws a {@link Problem} if that is no path on this server. */
    static Target of(String uri) {
        String here = uri.replaceFirst("^(?i)https?://[^/?#]*", "");
        int mark = here.indexOf('?');
        String path = mark < 0 ? here : here.substring(0, mark);
        if (!path.startsWith("/")) {
            throw Problem.of(400, "bad-path", "the path of a request begins with a slash");
        }
        return new Target(path, mark < 0 ? "" : here.substring(mark + 1));
    }

    /** The path of one of the {@code parts} of a queue, such as a task. */
    static String path(String queue, String parts, String name) {
        return "/v1/queues/" + encoded(queue) + "/" + parts + "/" + encoded(name);
    }

    private static String encoded(String text) {
        boolean isStep = text.equals(".") || text.equals(".."); // which clients would take
        return isStep
                ? text.replace(".", "%2E")
                : URLEncoder.encode(text, StandardCharsets.UTF_8)
                        .replace("+", "%20")
                        .replace("%3A", ":");
    }

    int size() {
        return segments.size();
    }

    String segment(int index) {
        return segments.get(index);
    }

    /** The verb behind the last segment, if it is one of these; else null. */
    @Nullable
    String verb(Set<String> known) {
        String last = raw.get(raw.size() - 1);
        String verb = last.substring(last.lastIndexOf(':') + 1);
        return last.indexOf(':') >= 0 && known.contains(verb) ? verb : null;
    }

    /** A segment without the verb that is behind it. */
    String beforeVerb(int index) {
        String segment = raw.get(index);
        return decoded(segment.substring(0, segment.lastIndexOf(':')), false);
    }

    /** A parameter of the query; null if it is not there. */
    @Nullable
    String parameter(String name) {
        return parameters.get(name);
    }

    /** Throws a {@link Problem} if there is any parameter but the known ones. */
    void checkParameters(Set<String> known) {
        for (String given : parameters.keySet()) {
            if (!known.contains(given)) {
                throw Problem.of(
                                400,
                                "bad-parameter",
                                known.isEmpty()
                                        ? "there are no parameters here; a question mark of an id is written as %3F"
                                        : "there is no such parameter here; known are "
                                                + String.join(
                                                        ", ",
                                                        known.stream().sorted().toList()))
                        .fact("parameter", given);
            }
        }
    }

    private void add(String pair) {
        int equals = pair.indexOf('=');
        String name = decoded(equals < 0 ? pair : pair.substring(0, equals), true);
        String value = equals < 0 ? "" : decoded(pair.substring(equals + 1), true);
        if (parameters.size() == MOST_PARAMETERS || parameters.put(name, value) != null) {
            throw Problem.of(
                    400, "bad-parameter", "a parameter is there twice, or there are more than " + MOST_PARAMETERS);
        }
    }

    private static String decoded(String text, boolean plusIsSpace) {
        ByteBuffer bytes = ByteBuffer.allocate(text.length() * 3);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '%') {
                int high = i + 2 < text.length() ? Character.digit(text.charAt(i + 1), 16) : -1;
                int low = i + 2 < text.length() ? Character.digit(text.charAt(i + 2), 16) : -1;
                if (high < 0 || low < 0) {
                    throw badEncoding();
                }
                bytes.put((byte) (high << 4 | low));
                i += 2;
            } else if (c > 127) {
                throw badEncoding();
            } else {
                bytes.put((byte) (c == '+' && plusIsSpace ? ' ' : c));
            }
        }
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
        } catch (CharacterCodingException e) {
            throw badEncoding();
        }
    }

    private static Problem badEncoding() {
        return Problem.of(400, "bad-path", "the percent-encoding of the path or the query is not that of UTF-8");
    }
}
