package dev.sluice.model;

/** What must be true of every state, and of the last one. */
final class Invariants {
    private final Scope scope;
    private final Mutant mutant;

    Invariants(Scope scope, Mutant mutant) {
        this.scope = scope;
        this.mutant = mutant;
    }

    /** The first promise that this state breaks, or null. */
    String broken(State s) {
        for (int task = 0; task < State.TASKS; task++) {
            String broken = place(s, task);
            broken = broken == null ? status(s, task) : broken;
            if (broken != null) {
                return Scripts.name(task) + " " + broken;
            }
        }
        for (int slot = 0; slot < State.SLOTS; slot++) {
            if (s.held(slot) > 0 && s.slot(slot, State.MEMBER) == State.ABSENT) {
                return "tasks are claimed by an incarnation that is no member: nobody takes them back";
            }
            if (scope.rollbacks() == 0 && s.held(slot) > scope.permits()) {
                return "more tasks are claimed than there are permits";
            }
            if (scope.rollbacks() == 0 && suspects(s, slot) > 1) {
                return "two suspects are claimed at once";
            }
        }
        for (int d = 0; d < State.DISPATCHERS; d++) {
            if (s.of(d, State.SUSPECTS) < 0) {
                return "a dispatcher counts fewer suspects than none";
            }
            if (scope.rollbacks() == 0 && s.of(d, State.UNKNOWN) != 0 && mutant == Mutant.NONE) {
                return "a token is unknown to its owner, though Redis forgot nothing";
            }
        }
        return null;
    }

    /** Each accepted task is in exactly one place until it has ended. */
    private String place(State s, int task) {
        int claims = 0;
        for (int slot = 0; slot < State.SLOTS; slot++) {
            for (int place = 0; place < State.TASKS; place++) {
                claims += s.heldToken(slot, place) != 0 && s.heldTask(slot, place) == task ? 1 : 0;
            }
        }
        int body = s.task(task, State.BODY);
        int places = s.task(task, State.LIST) + body + s.task(task, State.DEAD);
        int due = s.task(task, State.CREATED) - s.task(task, State.ENDED);
        if (places < due) {
            return "is lost: it was accepted, has not ended, and is in no place";
        } else if (due < 0) {
            return "has ended more often than it was enqueued";
        } else if (places > due) {
            return "is in a place though it has ended, or in two";
        } else if (claims + s.task(task, State.DELAYED) != body) {
            return body == 0
                    ? "is claimed or delayed without a body"
                    : claims == 0 ? "has a body that nobody holds: it is stuck" : "has two owners";
        }
        return null;
    }

    /** The word agrees with the place, but for a foreign producer's "queued", which may come at any time. */
    private String status(State s, int task) {
        boolean listed = s.task(task, State.LIST) == 1;
        boolean delayed = s.task(task, State.DELAYED) == 1;
        boolean claimed = s.task(task, State.BODY) == 1 && !delayed;
        boolean dead = s.task(task, State.DEAD) == 1;
        boolean lateWord = scope.foreign() && task == 1 && s.budget(State.STATUS_TO_COME) == 0;
        boolean agrees = switch (s.task(task, State.STATUS)) {
            case State.QUEUED -> listed || lateWord || (claimed && mutant == Mutant.STATUS_WRITTEN_BESIDE);
            case State.PROCESSING -> claimed;
            case State.RETRYING -> delayed;
            case State.DEAD_WORD -> dead;
            default -> !claimed && !delayed && !dead && (!listed || s.task(task, State.ORIGIN) == State.RAW);
        };
        return agrees || (claimed && mutant == Mutant.STATUS_WRITTEN_BESIDE) ? null : "has a status that is not true";
    }

    private int suspects(State s, int slot) {
        int suspects = 0;
        for (int place = 0; place < State.TASKS; place++) {
            boolean isOne = s.heldToken(slot, place) != 0
                    && s.task(s.heldTask(slot, place), State.CRASHES) >= Math.max(1, scope.crashLimit() - 1);
            suspects += isOne ? 1 : 0;
        }
        return suspects;
    }

    static boolean somethingWaits(State s) {
        return s.task(0, State.LIST) + s.task(1, State.LIST) > 0;
    }

    static boolean allEnded(State s) {
        for (int task = 0; task < State.TASKS; task++) {
            if (s.task(task, State.LIST) == 1 || s.task(task, State.BODY) == 1) {
                return false;
            }
        }
        return true;
    }

    /** All tasks have ended, nobody is left, and Redis holds nothing of either but dead letters. */
    static boolean isGood(State s) {
        boolean good = allEnded(s) && s.budget(State.STATUS_TO_COME) == 0;
        for (int task = 0; task < State.TASKS; task++) {
            int word = s.task(task, State.DEAD) == 1 ? State.DEAD_WORD : State.NO_WORD;
            good &= s.task(task, State.STATUS) == word && s.task(task, State.LATE) == 0;
        }
        for (int slot = 0; slot < State.SLOTS; slot++) {
            good &= s.slot(slot, State.MEMBER) == State.ABSENT && s.held(slot) == 0;
        }
        for (int d = 0; d < State.DISPATCHERS; d++) {
            good &= s.of(d, State.MODE) == State.DOWN;
        }
        return good;
    }
}
