package dev.sluice.observe;

import dev.sluice.task.QueueInfo;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps what an observer throws away from the loop that moves tasks; the first is logged, all later ones at DEBUG.
 *
 * <p>Errors are no exception, not even those of the machine: passed on, they would break the loop's books off in the
 * middle of a batch and tell nobody more than the log does. Who wants the process to end when memory does says
 * {@code -XX:+ExitOnOutOfMemoryError}, which acts before anything is thrown.
 */
final class GuardedObserver implements Observer {

    private static final Logger LOG = LoggerFactory.getLogger(Observer.class);

    private final Observer observer;
    private final AtomicBoolean warned = new AtomicBoolean();

    GuardedObserver(Observer observer) {
        this.observer = observer;
    }

    @Override
    public void claimed(String queue, int count) {
        try {
            observer.claimed(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void settled(String queue, Outcome outcome, int count) {
        try {
            observer.settled(queue, outcome, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void exchange(String queue, long nanos, int claimed, int settled) {
        try {
            observer.exchange(queue, nanos, claimed, settled);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void fenced(String queue, int count) {
        try {
            observer.fenced(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void recovered(String queue, int count) {
        try {
            observer.recovered(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void lost(String queue, int count) {
        try {
            observer.lost(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void orphans(String queue, int count) {
        try {
            observer.orphans(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void lateStatuses(String queue, int count) {
        try {
            observer.lateStatuses(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void crowded(String queue, long over) {
        try {
            observer.crowded(queue, over);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void emptied(String queue) {
        try {
            observer.emptied(queue);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void trimmed(String queue, int count) {
        try {
            observer.trimmed(queue, count);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void counted(QueueInfo queue) {
        try {
            observer.counted(queue);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void uncounted(String queue) {
        try {
            observer.uncounted(queue);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void link(String role, boolean up) {
        try {
            observer.link(role, up);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void lease(String queue, boolean lapsed) {
        try {
            observer.lease(queue, lapsed);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void health(String queue, boolean up) {
        try {
            observer.health(queue, up);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void slots(String queue, int slots, int used) {
        try {
            observer.slots(queue, slots, used);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public boolean wantsAttempts() {
        try {
            return observer.wantsAttempts();
        } catch (Throwable thrown) {
            swallow(thrown);
            return false;
        }
    }

    @Override
    public void attempt(String queue, String type, Outcome outcome, long nanos) {
        try {
            observer.attempt(queue, type, outcome, nanos);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void waited(String queue, String type, long nanos) {
        try {
            observer.waited(queue, type, nanos);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void ended(String queue, String type, Outcome outcome, long nanos) {
        try {
            observer.ended(queue, type, outcome, nanos);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    @Override
    public void delivered(String target, Outcome outcome, long nanos) {
        try {
            observer.delivered(target, outcome, nanos);
        } catch (Throwable thrown) {
            swallow(thrown);
        }
    }

    private void swallow(Throwable thrown) {
        if (thrown instanceof VirtualMachineError) {
            LOG.atError().setCause(thrown).log("an observer met an error of the machine; tasks go on");
        } else if (warned.compareAndSet(false, true)) {
            LOG.atWarn()
                    .addKeyValue("observer", observer.getClass().getName())
                    .setCause(thrown)
                    .log("an observer threw; tasks go on, and further exceptions of it are logged at DEBUG");
        } else {
            LOG.atDebug().setCause(thrown).log("an observer threw again");
        }
    }
}
