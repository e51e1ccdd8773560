package dev.sluice.model;

import java.util.Arrays;

/**
 * One state of the machine as a row of bytes: what Redis holds, what an earlier Redis held, what each dispatcher knows,
 * and the copies of calls that nobody waits for any more.
 *
 * <p>An incarnation has a slot. Those of the two dispatchers' current incarnations are 0 and 1; the others hold what
 * incarnations left behind that are gone. A token is four times its call's number plus its place in the answer, so that
 * it needs one byte. Only the order of call numbers matters: {@link #canonical} counts them anew from 1, and calls
 * equal what differs only by names.
 */
final class State {
    static final int TASKS = 2;
    static final int DISPATCHERS = 2;
    static final int SLOTS = 4;
    static final int MOST_NUMBERS = 31;

    // What Redis knows of a task; CREATED and ENDED are the search's own: how often it was accepted, and ended well.
    static final int LIST = 0;
    static final int BODY = 1;
    static final int DELAYED = 2;
    static final int DEAD = 3;
    static final int STATUS = 4;
    static final int LATE = 5;
    static final int ORIGIN = 6;
    static final int ATTEMPTS = 7;
    static final int CRASHES = 8;
    static final int CREATED = 9;
    static final int ENDED = 10;
    private static final int TASK_SIZE = 11;

    // Words of the status hash.
    static final int NO_WORD = 0;
    static final int QUEUED = 1;
    static final int PROCESSING = 2;
    static final int RETRYING = 3;
    static final int DEAD_WORD = 4;

    // Origins: our client's; a raw element; a foreign one whose status was there when it was claimed (f), or was not
    // (F).
    static final int CLIENT = 0;
    static final int RAW = 1;
    static final int FOREIGN = 2;
    static final int FOREIGN_AWAITING = 3;

    // What Redis knows of an incarnation: member of the dispatchers, and its claimed hash.
    static final int MEMBER = 0;
    static final int LAST = 1;
    private static final int HELD = 2; // pairs of token and task + 1
    private static final int SLOT_SIZE = HELD + 2 * TASKS;

    // Members.
    static final int ABSENT = 0;
    static final int LEASED = 1;
    static final int LAPSED = 2;
    static final int MARKED = 3;
    static final int HALF_RECOVERED = 4; // only NO_MARK knows it: tasks were taken away, and it is served all the same

    private static final int COUNTER = TASKS * TASK_SIZE + SLOTS * SLOT_SIZE; // only SERVER_TOKENS uses it
    private static final int REDIS_SIZE = COUNTER + 1;

    // A dispatcher.
    static final int MODE = 0;
    static final int NUMBER = 1;
    static final int SUSPECTS = 2;
    static final int WRITING = 3; // only STATUS_WRITTEN_BESIDE uses it: task + 1
    static final int UNKNOWN = 4; // tokens that the last comparison could not explain
    static final int ORPHANS = 6; // tokens to be given back
    static final int ATTEMPT = 8; // triples of token, task + 1, kind
    private static final int CALLS = ATTEMPT + 3 * TASKS;

    // Modes.
    static final int DOWN = 0;
    static final int OPEN = 1;
    static final int DRAINING = 2;

    // Kinds of attempts, as bits.
    static final int RUNNING = 1;
    static final int CANCELLED = 2;
    static final int SUSPECT = 4;

    // An unanswered call.
    static final int C_NUMBER = 0;
    static final int C_WANTED = 1;
    static final int C_SUSPECT = 2;
    static final int C_SETTLE = 3; // triples of token, task + 1, verdict and SUSPECT
    static final int C_RELEASE = C_SETTLE + 3 * TASKS; // orphans
    private static final int CALL_SIZE = C_RELEASE + TASKS;

    // Verdicts.
    static final int SUCCEEDED = 1;
    static final int FAILED = 2;
    static final int RELEASED = 3;
    static final int VERDICT = 3;

    // Budgets.
    static final int CRASHES_LEFT = 0;
    static final int STOPS_LEFT = 1;
    static final int ROLLBACKS_LEFT = 2;
    static final int STATUS_TO_COME = 3;
    static final int ENQUEUES_LEFT = 4;
    static final int STALLS_LEFT = 5;
    private static final int BUDGETS = 6;

    final byte[] bytes;
    private final Scope scope;
    private final int dispatcherSize;
    private final int dispatchers;
    private final int stale;
    private final int budgets;
    private final int copy;

    State(Scope scope) {
        this(scope, null);
    }

    private State(Scope scope, byte[] given) {
        this.scope = scope;
        this.dispatcherSize = CALLS + scope.callsInFlight() * CALL_SIZE;
        this.dispatchers = REDIS_SIZE;
        this.stale = dispatchers + DISPATCHERS * dispatcherSize;
        this.budgets = stale + scope.stale() * (1 + CALL_SIZE);
        this.copy = budgets + BUDGETS;
        this.bytes = given == null ? new byte[copy + (scope.rollbacks() > 0 ? 1 + REDIS_SIZE : 0)] : given;
    }

    State copy() {
        return new State(scope, bytes.clone());
    }

    State of(byte[] other) {
        return new State(scope, other);
    }

    int size() {
        return bytes.length;
    }

    // ---- Redis

    int task(int task, int field) {
        return bytes[task * TASK_SIZE + field];
    }

    void task(int task, int field, int value) {
        bytes[task * TASK_SIZE + field] = (byte) value;
    }

    int slot(int slot, int field) {
        return bytes[TASKS * TASK_SIZE + slot * SLOT_SIZE + field];
    }

    void slot(int slot, int field, int value) {
        bytes[TASKS * TASK_SIZE + slot * SLOT_SIZE + field] = (byte) value;
    }

    int heldToken(int slot, int place) {
        return slot(slot, HELD + 2 * place);
    }

    int heldTask(int slot, int place) {
        return slot(slot, HELD + 2 * place + 1) - 1;
    }

    /** Where a token stands in the claimed hash of an incarnation; -1 if it does not. */
    int placeOf(int slot, int token) {
        for (int place = 0; place < TASKS; place++) {
            if (token != 0 && heldToken(slot, place) == token) {
                return place;
            }
        }
        return -1;
    }

    int held(int slot) {
        int held = 0;
        for (int place = 0; place < TASKS; place++) {
            held += heldToken(slot, place) != 0 ? 1 : 0;
        }
        return held;
    }

    /** Writes a field of the claimed hash over an older one of that name. */
    void hold(int slot, int token, int task) {
        int place = placeOf(slot, token);
        for (int other = 0; place < 0 && other < TASKS; other++) {
            place = heldToken(slot, other) == 0 ? other : -1;
        }
        if (place >= 0) {
            slot(slot, HELD + 2 * place, token);
            slot(slot, HELD + 2 * place + 1, task + 1);
        }
    }

    void drop(int slot, int place) {
        slot(slot, HELD + 2 * place, 0);
        slot(slot, HELD + 2 * place + 1, 0);
    }

    int nextServerToken() {
        return ++bytes[COUNTER];
    }

    // ---- dispatchers, their calls and attempts

    int of(int dispatcher, int field) {
        return bytes[dispatchers + dispatcher * dispatcherSize + field];
    }

    void of(int dispatcher, int field, int value) {
        bytes[dispatchers + dispatcher * dispatcherSize + field] = (byte) value;
    }

    int attempt(int dispatcher, int place, int part) {
        return of(dispatcher, ATTEMPT + 3 * place + part);
    }

    void attempt(int dispatcher, int place, int token, int task, int kind) {
        of(dispatcher, ATTEMPT + 3 * place, token);
        of(dispatcher, ATTEMPT + 3 * place + 1, task + 1);
        of(dispatcher, ATTEMPT + 3 * place + 2, kind);
    }

    int attempts(int dispatcher) {
        int attempts = 0;
        for (int place = 0; place < TASKS; place++) {
            attempts += attempt(dispatcher, place, 0) != 0 ? 1 : 0;
        }
        return attempts;
    }

    /** The bytes of an unanswered call, the oldest being 0. */
    int call(int dispatcher, int call) {
        return dispatchers + dispatcher * dispatcherSize + CALLS + call * CALL_SIZE;
    }

    int callPart(int dispatcher, int call, int part) {
        return bytes[call(dispatcher, call) + part];
    }

    void callPart(int dispatcher, int call, int part, int value) {
        bytes[call(dispatcher, call) + part] = (byte) value;
    }

    int calls(int dispatcher) {
        int calls = 0;
        while (calls < scope.callsInFlight() && callPart(dispatcher, calls, C_NUMBER) != 0) {
            calls++;
        }
        return calls;
    }

    /** Forgets one call; those after it move up. */
    void removeCall(int dispatcher, int call) {
        int from = call(dispatcher, call);
        int end = call(dispatcher, scope.callsInFlight());
        System.arraycopy(bytes, from + CALL_SIZE, bytes, from, end - from - CALL_SIZE);
        Arrays.fill(bytes, end - CALL_SIZE, end, (byte) 0);
    }

    /** A dispatcher that knows nothing any more. */
    void forget(int dispatcher) {
        int from = dispatchers + dispatcher * dispatcherSize;
        Arrays.fill(bytes, from, from + dispatcherSize, (byte) 0);
    }

    // ---- copies of calls that nobody waits for

    int staleCalls() {
        return scope.stale();
    }

    /** The slot that such a copy speaks for; -1 if there is none in this place. */
    int staleSlot(int place) {
        return bytes[stale + place * (1 + CALL_SIZE)] - 1;
    }

    /** Where its bytes begin. */
    int staleCall(int place) {
        return stale + place * (1 + CALL_SIZE) + 1;
    }

    void removeStale(int place) {
        Arrays.fill(bytes, staleCall(place) - 1, staleCall(place) + CALL_SIZE, (byte) 0);
    }

    /** Keeps a copy of a call in the network; false if there is no room for one more. */
    boolean keepStale(int dispatcher, int call) {
        for (int place = 0; place < scope.stale(); place++) {
            if (staleSlot(place) < 0) {
                bytes[staleCall(place) - 1] = (byte) (dispatcher + 1);
                System.arraycopy(bytes, call(dispatcher, call), bytes, staleCall(place), CALL_SIZE);
                return true;
            }
        }
        return false;
    }

    // ---- budgets, and the copy of an earlier Redis

    int budget(int which) {
        return bytes[budgets + which];
    }

    void budget(int which, int value) {
        bytes[budgets + which] = (byte) value;
    }

    boolean hasCopy() {
        return copy < bytes.length && bytes[copy] != 0;
    }

    void saveCopy() {
        bytes[copy] = 1;
        System.arraycopy(bytes, 0, bytes, copy + 1, REDIS_SIZE);
    }

    void restoreCopy() {
        System.arraycopy(bytes, copy + 1, bytes, 0, REDIS_SIZE);
    }

    void dropCopy() {
        Arrays.fill(bytes, copy, bytes.length, (byte) 0);
    }

    // ---- slots

    /** Moves what is left of a dispatcher's incarnation to a free slot; false if there is none. */
    boolean leaveBehind(int dispatcher) {
        if (isBlank(dispatcher)) {
            return true;
        }
        for (int slot = DISPATCHERS; slot < SLOTS; slot++) {
            if (isBlank(slot)) {
                swapSlots(dispatcher, slot);
                return true;
            }
        }
        return false;
    }

    boolean isBlank(int slot) {
        for (int i = 0; i < SLOT_SIZE; i++) {
            if (slot(slot, i) != 0 || (hasCopy() && bytes[copy + 1 + TASKS * TASK_SIZE + slot * SLOT_SIZE + i] != 0)) {
                return false;
            }
        }
        return !isUnderWay(slot);
    }

    /** True if a call of this incarnation may yet be executed though nobody waits for it. */
    private boolean isUnderWay(int slot) {
        for (int place = 0; place < scope.stale(); place++) {
            if (staleSlot(place) == slot) {
                return true;
            }
        }
        return false;
    }

    private void swapSlots(int one, int other) {
        swap(TASKS * TASK_SIZE + one * SLOT_SIZE, TASKS * TASK_SIZE + other * SLOT_SIZE, SLOT_SIZE);
        if (hasCopy()) {
            int slots = copy + 1 + TASKS * TASK_SIZE;
            swap(slots + one * SLOT_SIZE, slots + other * SLOT_SIZE, SLOT_SIZE);
        }
        for (int place = 0; place < scope.stale(); place++) {
            int slot = staleSlot(place);
            if (slot == one || slot == other) {
                bytes[staleCall(place) - 1] = (byte) (1 + (slot == one ? other : one));
            }
        }
    }

    private void swap(int one, int other, int length) {
        for (int i = 0; i < length; i++) {
            byte kept = bytes[one + i];
            bytes[one + i] = bytes[other + i];
            bytes[other + i] = kept;
        }
    }

    // ---- one form for all that is equal

    /** The same state under the names that come first in the order of all names. */
    State canonical(boolean renumbered) {
        State tidied = copy();
        tidied.tidy(renumbered);
        if (scope.foreign()) {
            tidied.orderDispatchers();
            return tidied;
        }
        int order = compare(0, TASK_SIZE, TASK_SIZE);
        State renamed = order >= 0 ? tidied.withTasksSwapped() : tidied;
        renamed.orderDispatchers();
        if (order == 0) {
            tidied.orderDispatchers();
            return Arrays.compare(tidied.bytes, renamed.bytes) <= 0 ? tidied : renamed;
        }
        return renamed;
    }

    private void tidy(boolean renumbered) {
        for (int slot = DISPATCHERS; slot < SLOTS; slot++) {
            tidyLeftover(TASKS * TASK_SIZE + slot * SLOT_SIZE, isUnderWay(slot));
            if (hasCopy()) {
                tidyLeftover(copy + 1 + TASKS * TASK_SIZE + slot * SLOT_SIZE, false);
            }
        }
        if (renumbered) {
            for (int slot = 0; slot < SLOTS; slot++) {
                if (slot >= DISPATCHERS || of(slot, MODE) != DOWN) {
                    renumber(slot);
                }
            }
        }
        sort();
    }

    /** A life that is over does nothing any more: if it holds nothing it is as good as gone, else its lease runs out. */
    private void tidyLeftover(int at, boolean underWay) {
        if (!underWay && bytes[at + HELD] == 0 && bytes[at + HELD + 2] == 0) {
            bytes[at + MEMBER] = ABSENT;
            bytes[at + LAST] = 0;
        } else if (!underWay && bytes[at + MEMBER] == LEASED) {
            bytes[at + MEMBER] = LAPSED;
        }
    }

    private void sort() {
        for (int slot = 0; slot < SLOTS; slot++) {
            sort(TASKS * TASK_SIZE + slot * SLOT_SIZE + HELD, 2);
            if (hasCopy()) {
                sort(copy + 1 + TASKS * TASK_SIZE + slot * SLOT_SIZE + HELD, 2);
            }
        }
        for (int dispatcher = 0; dispatcher < DISPATCHERS; dispatcher++) {
            int at = dispatchers + dispatcher * dispatcherSize;
            sort(at + UNKNOWN, 1);
            sort(at + ORPHANS, 1);
            sort(at + ATTEMPT, 3);
        }
        for (int slot = DISPATCHERS + 1; slot < SLOTS; slot++) {
            if (compareSlots(slot - 1, slot) > 0) {
                swapSlots(slot - 1, slot);
            }
        }
    }

    /** Two records in a row, the greater first. */
    private void sort(int at, int length) {
        if (Arrays.compare(bytes, at, at + length, bytes, at + length, at + 2 * length) < 0) {
            swap(at, at + length, length);
        }
    }

    private int compareSlots(int one, int other) {
        int at = TASKS * TASK_SIZE;
        int order = compare(at + one * SLOT_SIZE, at + other * SLOT_SIZE, SLOT_SIZE);
        if (order == 0 && hasCopy()) {
            at += copy + 1;
            order = compare(at + one * SLOT_SIZE, at + other * SLOT_SIZE, SLOT_SIZE);
        }
        for (int place = 0; order == 0 && place < scope.stale(); place++) {
            order = (staleSlot(place) == one ? 1 : 0) - (staleSlot(place) == other ? 1 : 0);
        }
        return order;
    }

    private int compare(int one, int other, int length) {
        return Arrays.compare(bytes, one, one + length, bytes, other, other + length);
    }

    private void orderDispatchers() {
        int order = compare(dispatchers, dispatchers + dispatcherSize, dispatcherSize);
        if (order > 0 || (order == 0 && compareSlots(0, 1) > 0)) {
            swap(dispatchers, dispatchers + dispatcherSize, dispatcherSize);
            swapSlots(0, 1);
        }
    }

    private State withTasksSwapped() {
        State swapped = copy();
        swapped.swap(0, TASK_SIZE, TASK_SIZE);
        swapped.swapTasks(TASKS * TASK_SIZE + HELD + 1, SLOT_SIZE, 2, SLOTS);
        if (hasCopy()) {
            swapped.swap(copy + 1, copy + 1 + TASK_SIZE, TASK_SIZE);
            swapped.swapTasks(copy + 1 + TASKS * TASK_SIZE + HELD + 1, SLOT_SIZE, 2, SLOTS);
        }
        for (int dispatcher = 0; dispatcher < DISPATCHERS; dispatcher++) {
            int at = dispatchers + dispatcher * dispatcherSize;
            swapped.swapTasks(at + ATTEMPT + 1, 0, 3, 1);
            swapped.swapTasks(at + WRITING, 0, 0, 1);
            for (int call = 0; call < scope.callsInFlight(); call++) {
                swapped.swapTasks(call(dispatcher, call) + C_SETTLE + 1, 0, 3, 1);
            }
        }
        for (int place = 0; place < scope.stale(); place++) {
            swapped.swapTasks(staleCall(place) + C_SETTLE + 1, 0, 3, 1);
        }
        swapped.sort();
        return swapped;
    }

    /** Names the other task in pairs of fields that hold a task + 1. */
    private void swapTasks(int from, int record, int step, int records) {
        for (int i = 0; i < records; i++) {
            for (int j = 0; j < (step == 0 ? 1 : TASKS); j++) {
                int at = from + i * record + j * step;
                bytes[at] = (byte) (bytes[at] == 0 ? 0 : TASKS + 1 - bytes[at]);
            }
        }
    }

    // ---- call numbers, counted anew

    private void renumber(int slot) {
        Numbers numbers = new Numbers();
        walk(slot, numbers);
        numbers.write = true;
        walk(slot, numbers);
        if (slot < DISPATCHERS) {
            of(slot, NUMBER, Long.bitCount(numbers.seen));
        }
    }

    private void walk(int slot, Numbers numbers) {
        walkSlot(TASKS * TASK_SIZE + slot * SLOT_SIZE, numbers);
        if (hasCopy()) {
            walkSlot(copy + 1 + TASKS * TASK_SIZE + slot * SLOT_SIZE, numbers);
        }
        for (int place = 0; place < scope.stale(); place++) {
            if (staleSlot(place) == slot) {
                walkCall(staleCall(place), numbers);
            }
        }
        if (slot < DISPATCHERS) {
            int at = dispatchers + slot * dispatcherSize;
            for (int i = 0; i < TASKS; i++) {
                numbers.token(bytes, at + UNKNOWN + i);
                numbers.token(bytes, at + ORPHANS + i);
                numbers.token(bytes, at + ATTEMPT + 3 * i);
            }
            for (int call = 0; call < scope.callsInFlight(); call++) {
                walkCall(call(slot, call), numbers);
            }
        }
    }

    private void walkSlot(int at, Numbers numbers) {
        numbers.last(bytes, at + LAST);
        for (int i = 0; i < TASKS; i++) {
            numbers.token(bytes, at + HELD + 2 * i);
        }
    }

    private void walkCall(int at, Numbers numbers) {
        numbers.call(bytes, at + C_NUMBER);
        for (int i = 0; i < TASKS; i++) {
            numbers.token(bytes, at + C_SETTLE + 3 * i);
            numbers.token(bytes, at + C_RELEASE + i);
        }
    }

    /**
     * First notes which numbers occur, then writes in their place which of them it is. The highest executed call is only
     * ever compared with calls that may still be executed, so that of it no more is kept than which of those it covers.
     */
    private static final class Numbers {
        long seen;
        long calls;
        boolean write;

        void call(byte[] bytes, int at) {
            int number = bytes[at];
            if (number != 0 && write) {
                bytes[at] = (byte) rank(number);
            } else if (number != 0) {
                seen |= 1L << number;
                calls |= 1L << number;
            }
        }

        void token(byte[] bytes, int at) {
            int call = bytes[at] >> 2;
            if (bytes[at] != 0 && write) {
                bytes[at] = (byte) (rank(call) << 2 | (bytes[at] & 3));
            } else if (bytes[at] != 0) {
                seen |= 1L << call;
            }
        }

        void last(byte[] bytes, int at) {
            if (write) {
                long covered = calls & upTo(bytes[at]);
                bytes[at] = (byte) (covered == 0 ? 0 : rank(63 - Long.numberOfLeadingZeros(covered)));
            }
        }

        private int rank(int number) {
            return Long.bitCount(seen & upTo(number));
        }

        private static long upTo(int number) {
            return (2L << number) - 1;
        }
    }
}
