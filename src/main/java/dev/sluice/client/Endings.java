package dev.sluice.client;

import dev.sluice.task.Failure;
import dev.sluice.task.ResultMissingException;
import dev.sluice.task.SluiceException;
import dev.sluice.task.TaskCancelledException;
import dev.sluice.task.TaskDeadException;
import dev.sluice.task.TaskDiscardedException;
import dev.sluice.task.TaskEndedException;
import dev.sluice.task.TaskExpiredException;
import dev.sluice.task.TaskFailedException;
import dev.sluice.task.TaskState;
import java.lang.reflect.Type;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/** What who awaits a task is given at its end: its value, or the exception for the way in which it ended. */
final class Endings {
    private static final Set<String> OF_THE_HANDLER = Set.of("handler-error", "nack", "subscriber-error");
    private static final Set<String> OF_TIME = Set.of("timeout", "deadline");

    private Endings() {}

    /** Emits the value, or completes empty if its handler emitted none. */
    @SuppressWarnings("TypeParameterUnusedInFormals") // R is what `as` says, as in PayloadCodec
    static <R> Mono<R> valueOf(TaskResult result, Type as) {
        Failure failure = result.failure();
        if (result.state() == TaskState.DEAD) {
            return Mono.error(dead(result.id(), failure == null ? Failure.of("unknown", "") : failure));
        } else if (result.state() == TaskState.DISCARDED) {
            return Mono.error(new TaskDiscardedException(result.id()));
        } else if (failure != null) {
            return Mono.error(new ResultMissingException(result.id(), failure));
        }
        try {
            return Mono.justOrEmpty(result.<R>value(as));
        } catch (SluiceException unreadable) { // as such it would say that nothing was enqueued
            Failure why = Failure.of("result-not-readable", unreadable.getMessage());
            return Mono.error(new ResultMissingException(result.id(), why));
        }
    }

    private static TaskEndedException dead(String id, Failure failure) {
        if (OF_THE_HANDLER.contains(failure.reason())) {
            return new TaskFailedException(id, failure);
        } else if (OF_TIME.contains(failure.reason())) {
            return new TaskExpiredException(id, failure);
        }
        return new TaskDeadException(id, failure);
    }

    /** Nothing is kept: all there is is the word that was heard, if any was. */
    static TaskEndedException ofNothing(String id, @Nullable String word) {
        if (TaskState.CANCELLED.word().equals(word)) {
            return new TaskCancelledException(id);
        } else if (TaskState.DISCARDED.word().equals(word)) {
            return new TaskDiscardedException(id);
        }
        return TaskState.DEAD.word().equals(word)
                ? new TaskDeadException(id, Failure.of("unknown", "its dead letter is not kept any more"))
                : new ResultMissingException(id);
    }
}
