package dev.sluice.testkit;

/** A test server that could not be started, reached or stopped, or a command that it refused. Trying again seldom helps. */
public class RedisServerException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    RedisServerException(String message) {
        super(message);
    }

    RedisServerException(String message, Throwable cause) {
        super(message, cause);
    }
}
