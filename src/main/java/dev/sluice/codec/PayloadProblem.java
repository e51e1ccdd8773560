package dev.sluice.codec;

import dev.sluice.task.InvalidTaskException;
import java.lang.reflect.Type;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.ValueInstantiationException;

/**
 * What went wrong with a payload, without a word of it.
 *
 * <p>Jackson's messages quote the input, and so do the exceptions behind them. So a message is made from parts that
 * cannot: the kind of problem, the class asked for, the path of field names of that class (never the keys of a map),
 * line and column. What Jackson threw is not kept as the cause when reading.
 */
final class PayloadProblem {

    private static final int MAX_STEPS = 16;
    private static final String BEYOND_LIMITS =
            "a limit is exceeded: nesting 64 deep, a number of 1000 digits, or the length of a string";

    private PayloadProblem() {}

    static InvalidTaskException reading(Type type, JacksonException problem) {
        return new InvalidTaskException(
                "payload",
                "the payload cannot be read as " + type.getTypeName() + ": " + kind(problem) + " at " + path(problem)
                        + ", " + Place.of(problem));
    }

    /**
     * Keeps the cause if it is the caller's own, such as an accessor that throws: the caller can see its payload
     * anyway.
     */
    static InvalidTaskException writing(@Nullable Object payload, JacksonException problem) {
        Throwable cause = problem.getCause();
        return new InvalidTaskException(
                "payload",
                "a payload of " + (payload == null ? "null" : payload.getClass().getName())
                        + " cannot be written as JSON: " + kind(problem) + " at " + path(problem),
                cause instanceof JacksonException ? null : cause);
    }

    static InvalidTaskException notOneValue(String why) {
        return new InvalidTaskException("payload", "the payload is not one well-formed JSON value: " + why);
    }

    static InvalidTaskException beyondLimits() {
        return new InvalidTaskException("payload", "the payload could not be read again: " + BEYOND_LIMITS);
    }

    private static String kind(JacksonException problem) {
        if (problem instanceof StreamConstraintsException) {
            return BEYOND_LIMITS;
        }
        if (problem instanceof StreamReadException) {
            return "malformed JSON, or a name twice in one object";
        }
        if (problem instanceof ValueInstantiationException refused) {
            return "the constructor of " + refused.getType().getRawClass().getName() + " threw " + causeOf(problem);
        }
        if (problem instanceof MismatchedInputException misfit && misfit.getTargetType() != null) {
            return "the value does not fit " + misfit.getTargetType().getName();
        }
        return problem.getClass().getSimpleName() + causeOf(problem);
    }

    private static String causeOf(JacksonException problem) {
        Throwable cause = problem.getCause();
        return cause == null ? "" : " " + cause.getClass().getName();
    }

    private static String path(JacksonException problem) {
        List<JacksonException.Reference> steps = problem.getPath();
        StringBuilder path = new StringBuilder("$");
        for (int i = 0; i < Math.min(MAX_STEPS, steps.size()); i++) {
            step(steps.get(i), path);
        }
        return steps.size() > MAX_STEPS ? path + "…" : path.toString();
    }

    private static void step(JacksonException.Reference step, StringBuilder path) {
        String name = step.getPropertyName();
        if (name == null) {
            path.append('[').append(step.getIndex()).append(']');
        } else if (isOfMap(step.from())) {
            path.append("[*]"); // a key of a map is payload
        } else {
            path.append('.').append(name);
        }
    }

    private static boolean isOfMap(@Nullable Object from) {
        return from instanceof Map || (from instanceof Class<?> c && Map.class.isAssignableFrom(c));
    }
}
