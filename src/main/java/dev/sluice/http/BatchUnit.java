package dev.sluice.http;

import dev.sluice.client.EnqueueResult;
import dev.sluice.codec.TaskForm;
import dev.sluice.task.SluiceException;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.Task;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Items of a batch that are answered in one write. On one thread at a time. */
final class BatchUnit {
    private final long first; // the place of its first item
    private final @Nullable Problem[] refusals; // by item; null where it is a task
    private final List<Task<byte[]>> tasks;
    private List<EnqueueResult> results = List.of(); // by task, once they are known

    /**
     * Reads these items, of which there is one at least, and keeps nothing of them.
     *
     * @param key what the ids of tasks that have none begin with; null for random ones
     */
    BatchUnit(List<Item> items, @Nullable String key) {
        this.first = items.get(0).index();
        this.refusals = new Problem[items.size()];
        this.tasks = new ArrayList<>(items.size());
        for (int i = 0; i < refusals.length; i++) {
            refusals[i] = read(items.get(i), key);
        }
    }

    private @Nullable Problem read(Item item, @Nullable String key) {
        if (item.refusal() != null) {
            return item.refusal();
        }
        try {
            Task<byte[]> task = TaskForm.read(item.bytes(), item.from(), item.to() - item.from());
            tasks.add(key == null || task.id() != null ? task : task.id(key + "-" + item.index()));
            return null;
        } catch (RuntimeException bad) {
            return Problem.of(bad);
        }
    }

    /** Those of its items that are tasks, in their order. */
    List<Task<byte[]>> tasks() {
        return tasks;
    }

    /** Takes what became of its {@link #tasks}. */
    BatchUnit met(List<EnqueueResult> told) {
        results = told;
        return this;
    }

    /** The tasks that failed for a reason that passes, with the ids under which they may be enqueued already. */
    List<Task<byte[]>> passing() {
        List<Task<byte[]>> passing = new ArrayList<>(0);
        for (int i = 0; i < tasks.size(); i++) {
            if (isPassing(results.get(i))) {
                passing.add(tasks.get(i).id(results.get(i).id()));
            }
        }
        return passing;
    }

    /** Takes what became of those of the {@link #passing}. */
    BatchUnit metAgain(List<EnqueueResult> told) {
        Iterator<EnqueueResult> again = told.iterator();
        results = results.stream()
                .map(result -> isPassing(result) ? again.next() : result)
                .toList();
        return this;
    }

    /** Whether Redis refused one, as it does if the queue is another one by now. */
    boolean isRefusedByRedis() {
        return results.stream().anyMatch(result -> result.error() instanceof StoreRefusedException);
    }

    /** Tells of each item, in their order, once all is known. */
    void tell(Told told) {
        int task = 0;
        for (int i = 0; i < refusals.length; i++) {
            Problem refusal = refusals[i];
            if (refusal != null) {
                told.refused(first + i, null, refusal);
            } else {
                tell(first + i, results.get(task++), told);
            }
        }
    }

    private static void tell(long index, EnqueueResult result, Told told) {
        SluiceException error = result.error();
        if (error != null) {
            told.refused(index, result.id(), Problem.of(error));
        } else if (result.isFull()) {
            told.refused(index, result.id(), TaskRoutes.full());
        } else {
            told.accepted(index, result);
        }
    }

    private static boolean isPassing(EnqueueResult result) {
        SluiceException error = result.error();
        return error != null && error.retryable();
    }

    /** Who hears what became of items. */
    interface Told {
        void accepted(long index, EnqueueResult result);

        void refused(long index, @Nullable String id, Problem problem);
    }
}
