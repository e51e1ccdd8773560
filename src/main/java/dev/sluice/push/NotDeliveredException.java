package dev.sluice.push;

import dev.sluice.task.SluiceException;

/** A delivery that the target did not take, or that was not sent. Tried again as the task's retry policy says. */
final class NotDeliveredException extends SluiceException {
    private static final long serialVersionUID = 1L;

    NotDeliveredException(String message) {
        super("not-delivered", true, message);
    }
}
