package dev.sluice.redis;

import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;

/** Sorts what Redis and Lettuce throw into two kinds: it will pass (retry), or somebody has to change something. */
final class RedisErrors {
    private static final String NO_RIGHT = "The user executing the script";
    private static final String ACL_FAILURE = "ERR ACL failure in script"; // since Redis 7.2
    private static final String NO_COMMAND = "Unknown Redis command called from"; // one that was renamed, in a script

    private static final String[] FINAL = {
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "ERR " + NO_RIGHT,
        ACL_FAILURE,
        "WRONGTYPE",
        "ERR AUTH",
        "ERR invalid password",
        "ERR unknown command",
        "ERR " + NO_COMMAND,
        "CROSSSLOT",
        "MOVED",
        "ASK ",
        "CLUSTERDOWN",
        "ERR DB index",
        "ERR SELECT is not allowed in cluster mode",
        "ERR WAITAOF cannot be used when", // and not: with replica instances
        "ERR Client sent AUTH",
        "DENIED"
    };

    /** What Lettuce says of a command that it has neither queued nor written, for there are too many. */
    private static final String[] NOT_EVEN_QUEUED = {
        "Request queue size exceeded", "Internal stack size exceeded", "Command buffer size exceeded"
    };

    private static final String SCRIPT_FAILED = "ERR Error running script";
    private static final Pattern CODE_IN_SCRIPT = Pattern.compile(": -?([A-Z]{3,} .*)$", Pattern.DOTALL);

    // Netty tells of the call that failed first, and then of the failure.
    private static final Pattern SYSTEM_CALL = Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-?\\d+\\): ");

    private RedisErrors() {}

    static SluiceException classify(Throwable error) {
        if (error instanceof SluiceException known) {
            return known;
        }
        String told = messageOfServer(error);
        if (told != null) {
            return new StoreRefusedException(reason(told), "Redis refused: " + told + remedy(told), error);
        }
        return new StoreUnavailableException(describe(error), error);
    }

    /** Of several commands at once whose failures were all awaited: fails with the first. */
    static <T> Mono<T> withFirst(Mono<T> commands) {
        return commands.onErrorMap(
                Exceptions::isMultiple, many -> Exceptions.unwrapMultiple(many).get(0));
    }

    static SluiceException closed(String role) {
        return new StoreUnavailableException("the Redis link '" + role + "' is closed", null);
    }

    static SluiceException lost(String role) {
        return new StoreUnavailableException("the connection of the Redis link '" + role + "' was lost", null);
    }

    static boolean isUnknownScript(Throwable error) {
        return startsWith(error, "NOSCRIPT");
    }

    /**
     * True where the connection itself is in doubt, so that it must be closed and replaced instead of used again: after
     * any failure that is not an answer of Redis. A command that failed inside the client may have been written or not,
     * and from then on each answer may be another's.
     */
    static boolean spoilsConnection(Throwable error) {
        for (String bound : NOT_EVEN_QUEUED) {
            if (startsWith(error, bound)) {
                return false;
            }
        }
        return !(error instanceof RedisCommandExecutionException)
                || tells(error, "READONLY")
                || tells(error, "UNBLOCKED")
                || tells(error, "MASTERDOWN")
                || startsWith(error, "ERR WAIT cannot be used with replica")
                || startsWith(error, "ERR WAITAOF cannot be used with replica");
    }

    /**
     * True where the connection was known to be down when the command came, so that Redis cannot have seen it; or was
     * closed before it was open, which is also how Lettuce now and then tells of a refused password, in either of two ways.
     */
    static boolean wasNotSent(Throwable error) {
        for (Throwable at = error; at != null && at != at.getCause(); at = at.getCause()) {
            if (startsWith(at, "Currently not connected")
                    || startsWith(at, "Connection closed prematurely")
                    || startsWith(at, "RedisHandshakeHandler not registered")) {
                return true;
            }
        }
        return false;
    }

    /** True if Redis gave this code, by itself or (so until 6.2) inside the failure of the script that met it. */
    private static boolean tells(Throwable error, String code) {
        return startsWith(error, code)
                || (startsWith(error, SCRIPT_FAILED) && codeInScript(error).startsWith(code));
    }

    private static String codeInScript(Throwable error) {
        String message = String.valueOf(error.getMessage());
        Matcher told = CODE_IN_SCRIPT.matcher(message);
        int without = Math.max(message.indexOf(NO_RIGHT), message.indexOf(NO_COMMAND)); // until 6.2 without a code
        return told.find() ? told.group(1) : without < 0 ? "" : "ERR " + message.substring(without);
    }

    private static boolean startsWith(Throwable error, String code) {
        String message = error.getMessage();
        return message != null && message.startsWith(code);
    }

    private static @Nullable String messageOfServer(Throwable error) {
        for (Throwable at = error; at != null && at != at.getCause(); at = at.getCause()) {
            String message = startsWith(at, SCRIPT_FAILED) ? codeInScript(at) : at.getMessage();
            if (message != null) {
                for (String code : FINAL) {
                    if (message.startsWith(code)) {
                        return message;
                    }
                }
            }
        }
        return null;
    }

    private static String reason(String told) {
        if (told.startsWith("ERR " + NO_RIGHT) || told.startsWith(ACL_FAILURE)) {
            return "permission";
        }
        return switch (told.substring(0, Math.max(0, told.indexOf(' ')))) {
            case "WRONGTYPE" -> "wrong-type";
            case "NOAUTH", "WRONGPASS" -> "auth";
            case "NOPERM" -> "permission";
            case "CROSSSLOT", "MOVED", "ASK", "CLUSTERDOWN" -> "cluster";
            default -> "refused";
        };
    }

    private static String remedy(String told) {
        if (told.startsWith("WRONGTYPE")) {
            return " (a key of this queue holds a value of another type: see which with TYPE, and rename or delete it)";
        }
        if (reason(told).equals("cluster")) {
            return " (this is a node of a Redis Cluster, which Sluice does not support yet: use a single server or Sentinel)";
        }
        if (told.startsWith("NOAUTH")
                || told.startsWith("WRONGPASS")
                || told.startsWith("ERR AUTH")
                || told.startsWith("ERR invalid password")
                || told.startsWith("ERR Client sent AUTH")) {
            return " (check user and password in the Redis URL)";
        }
        return "";
    }

    private static String describe(Throwable error) {
        Throwable root = error;
        while ((root instanceof CompletionException || root instanceof RedisException) && root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof TimeoutException) {
            return "Redis did not answer in time";
        }
        if (tells(root, "OOM")) {
            return "Redis has reached its maxmemory and takes no more tasks until some are done";
        }
        String message = root.getMessage();
        return "Redis is not available: "
                + (message == null
                        ? root.getClass().getSimpleName()
                        : SYSTEM_CALL.matcher(message).replaceFirst(""));
    }
}
