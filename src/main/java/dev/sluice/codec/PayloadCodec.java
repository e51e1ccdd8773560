package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.PayloadTooLargeException;
import java.lang.reflect.Type;
import org.jspecify.annotations.Nullable;

/**
 * Turns payloads into JSON and back.
 *
 * <p>Called on whatever thread enqueues or runs a task, by many at once, and must not block. {@link JsonCodec} is the
 * one that comes with Sluice; whatever an own one does, what it writes must be one JSON value in UTF-8, because other
 * programs read the same queue.
 */
public interface PayloadCodec {

    /**
     * {@code payload} as the bytes of one JSON value.
     *
     * @param payload null becomes {@code null}
     * @throws InvalidTaskException of field {@code payload}, if it cannot be written
     * @throws PayloadTooLargeException if it is longer than the limit
     */
    byte[] encode(@Nullable Object payload);

    /**
     * The JSON value in {@code length} bytes of {@code buffer} from {@code offset}, as a {@code type}.
     *
     * <p>The buffer is shared: it must be neither changed nor kept.
     *
     * @param type a class or a generic type; the caller's {@code T} must fit it
     * @return null for JSON {@code null}, unless the type has another value for it
     * @throws InvalidTaskException of field {@code payload}, if the bytes are not JSON or do not fit the type
     * @throws PayloadTooLargeException if {@code length} is beyond the limit
     */
    @SuppressWarnings("TypeParameterUnusedInFormals") // a generic type has no Class<T> to infer T from
    <T> @Nullable T decode(byte[] buffer, int offset, int length, Type type);
}
