package dev.sluice.task;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Why an attempt failed, small enough to be kept with the task.
 *
 * <p>Immutable. Whatever it is made from, it stays within its bounds and can be written as UTF-8: longer parts are cut
 * and end in {@code …}, unpaired surrogates become U+FFFD. A message comes from the exception as it is: handlers that
 * put payload text into exception messages put it here too.
 *
 * @param reason a stable word such as {@code handler-error} or {@code timeout}; at most 100 characters, one line
 * @param type the class name of the exception, at most 200 characters; null if there was none
 * @param message what the exception said, at most 1000 characters; empty if it said nothing
 * @param trace the top of its stack trace and of its root cause's, at most 8 lines of 200 characters, joined by line
 *     feeds; empty if there was none
 */
public record Failure(String reason, @Nullable String type, String message, String trace) {

    /** The longest message, in characters. */
    public static final int MAX_MESSAGE = 1000;

    /** The most lines of a trace. */
    public static final int MAX_TRACE_LINES = 8;

    private static final int MAX_REASON = 100;
    private static final int MAX_TYPE = 200;
    private static final int MAX_LINE = 200;
    private static final int MAX_CAUSES = 32; // causes can form a ring

    /** A failure of the given parts, each cut to its bound. */
    public Failure {
        reason = Text.cut(Trace.oneLine(reason, MAX_REASON), MAX_REASON);
        type = type == null ? null : Text.cut(Trace.oneLine(type, MAX_TYPE), MAX_TYPE);
        message = Text.cut(Objects.requireNonNull(message, "message"), MAX_MESSAGE);
        trace = Trace.bounded(trace);
    }

    /** A failure that no exception stands behind; without a message, as exceptions may be, it says nothing. */
    public static Failure of(String reason, @Nullable String message) {
        return new Failure(reason, null, message == null ? "" : message, "");
    }

    /**
     * A failure because of {@code thrown}: its class, its message, and eight lines of where it came from.
     *
     * <p>Takes any throwable, however it behaves: huge or missing messages, no stack trace, causes in a ring, or a
     * {@code getMessage} or {@code getCause} that itself throws.
     */
    public static Failure of(String reason, Throwable thrown) {
        return new Failure(reason, thrown.getClass().getName(), Trace.messageOf(thrown), Trace.of(thrown));
    }

    /** How a throwable becomes a few bounded lines. */
    private static final class Trace {

        static String of(Throwable thrown) {
            try {
                return topOf(thrown);
            } catch (Throwable broken) { // code of whoever wrote the exception

                return "(its trace could not be read: " + broken.getClass().getName() + ")";
            }
        }

        private static String topOf(Throwable thrown) {
            StringBuilder lines = new StringBuilder();
            Throwable root = rootOf(thrown);
            int own = root == thrown ? MAX_TRACE_LINES : MAX_TRACE_LINES / 2;
            int used = frames(lines, thrown, own);
            if (root != thrown) {
                line(lines, "Caused by: " + root.getClass().getName() + ": " + Text.cut(messageOf(root), MAX_LINE));
                frames(lines, root, MAX_TRACE_LINES - used - 1);
            }
            return lines.toString();
        }

        static String messageOf(Throwable thrown) {
            try {
                String message = thrown.getMessage();
                return message == null ? "" : message;
            } catch (Throwable broken) {
                return "(its message could not be read: " + broken.getClass().getName() + ")";
            }
        }

        static String bounded(String trace) {
            StringBuilder lines = new StringBuilder();
            int start = 0;
            for (int n = 0; n < MAX_TRACE_LINES && start < trace.length(); n++) {
                int end = trace.indexOf('\n', start);
                end = end < 0 ? trace.length() : end;
                line(lines, trace.substring(start, Math.min(end, start + MAX_LINE + 1)));
                start = end + 1;
            }
            return lines.toString();
        }

        static String oneLine(String text, int limit) {
            String head = text.length() > limit + 1 ? text.substring(0, limit + 1) : text;
            StringBuilder clean = new StringBuilder(head.length());
            for (int i = 0; i < head.length(); i++) {
                char c = head.charAt(i);
                clean.append(c < 0x20 || c == 0x7F ? ' ' : c);
            }
            return clean.toString();
        }

        private static Throwable rootOf(Throwable thrown) {
            Throwable root = thrown;
            for (int i = 0; i < MAX_CAUSES; i++) {
                Throwable cause = root.getCause();
                if (cause == null || cause == thrown) {
                    return root;
                }
                root = cause;
            }
            return root;
        }

        private static int frames(StringBuilder lines, Throwable thrown, int limit) {
            StackTraceElement[] frames = thrown.getStackTrace();
            int n = Math.min(limit, frames.length);
            for (int i = 0; i < n; i++) {
                line(lines, "at " + frames[i]);
            }
            return n;
        }

        private static void line(StringBuilder lines, String line) {
            if (!lines.isEmpty()) {
                lines.append('\n');
            }
            lines.append(Text.cut(oneLine(line, MAX_LINE), MAX_LINE));
        }
    }
}
