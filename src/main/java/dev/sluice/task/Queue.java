package dev.sluice.task;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A queue: its name, the hash that shows its tasks' states, and what it promises when a worker dies.
 *
 * <p>Immutable; equal by value. Everyone who works on one queue must agree on all three: the first one to connect
 * records them in Redis, and others that differ are refused.
 *
 * <p>The name is also the key of the plain list that any Redis client may push to. It consists of 1 to 128 of the
 * characters {@code A-Z a-z 0-9 . _ : -}; it holds no braces, because {@code {name}} is the hash tag of all other keys.
 */
public final class Queue {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._:-]{1,128}");
    private static final Pattern KEY_OF_A_QUEUE = Pattern.compile("\\{[A-Za-z0-9._:-]{1,128}}:.*", Pattern.DOTALL);
    private static final int MAX_STATUS_KEY_BYTES = 512;

    private final String name;
    private final String statusKey;
    private final DeliveryMode delivery;

    private Queue(String name, String statusKey, DeliveryMode delivery) {
        this.name = name;
        this.statusKey = statusKey;
        this.delivery = delivery;
    }

    /**
     * The queue {@code name} with the default status key {@code {name}:status} and {@link DeliveryMode#AT_LEAST_ONCE}.
     *
     * @throws InvalidTaskException if the name breaks the rule above
     */
    public static Queue named(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidTaskException(
                    "queue",
                    "a queue name must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, was '" + Printable.of(name)
                            + "'");
        }
        return new Queue(name, "{" + name + "}:status", DeliveryMode.AT_LEAST_ONCE);
    }

    /**
     * This queue with the states of its tasks in the hash {@code key}.
     *
     * <p>Default {@code {name}:status}. No two queues may share one: the first to connect records whose it is under
     * {@code <key>:queue}, and another queue is refused. It has 1 to 512 UTF-8 bytes without control characters, is not the queue's own list, and none of
     * the other keys under {@code {name}:}, of this queue or another.
     *
     * @throws InvalidTaskException if the key breaks the rule
     */
    public Queue statusKey(String key) {
        if (!Text.isPlain(key, 1, MAX_STATUS_KEY_BYTES)) {
            throw new InvalidTaskException(
                    "statusKey",
                    "a status key must be 1 to " + MAX_STATUS_KEY_BYTES
                            + " UTF-8 bytes without control characters, was '" + Printable.of(key) + "'");
        }
        String own = "{" + name + "}:";
        if (key.equals(name) || (key.startsWith(own) && !key.equals(own + "status"))) {
            throw new InvalidTaskException(
                    "statusKey",
                    "a status key must not be another key of its queue: not '" + name + "', and under '" + own
                            + "' only '" + own + "status', was '" + Printable.of(key) + "'");
        }
        if (!key.startsWith(own) && KEY_OF_A_QUEUE.matcher(key).matches()) {
            throw new InvalidTaskException(
                    "statusKey",
                    "a status key must not be a key of another queue, was '" + Printable.of(key) + "' for queue '"
                            + name + "'");
        }
        return new Queue(name, key, delivery);
    }

    /** This queue with another promise. Default {@link DeliveryMode#AT_LEAST_ONCE}. */
    public Queue delivery(DeliveryMode mode) {
        return new Queue(name, statusKey, Objects.requireNonNull(mode, "mode"));
    }

    /** The name, which is the key of the plain list. */
    public String name() {
        return name;
    }

    /** The key of the hash that maps the id of each live task to the word of its state. */
    public String statusKey() {
        return statusKey;
    }

    /** What this queue promises when a worker dies. */
    public DeliveryMode delivery() {
        return delivery;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Queue that
                && name.equals(that.name)
                && statusKey.equals(that.statusKey)
                && delivery == that.delivery;
    }

    @Override
    public int hashCode() {
        return Objects.hash(name, statusKey, delivery);
    }

    /** The name. */
    @Override
    public String toString() {
        return name;
    }
}
