package dev.sluice.model;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What the scripts in {@code src/main/resources/dev/sluice/redis} do, with tasks in place of bytes. */
final class Scripts {
    private static final String[] VERDICTS = {"", "ended well", "failed", "given back"};
    private static final String[] TOKENS = IntStream.range(0, 128)
            .mapToObj(token -> (token >> 2) + "." + (token & 3))
            .toArray(String[]::new);

    private final Scope scope;
    private final Mutant mutant;

    Scripts(Scope scope, Mutant mutant) {
        this.scope = scope;
        this.mutant = mutant;
    }

    /** One way in which a call may go: what is stored after it, what it answers, and a promise it broke, or null. */
    static final class Outcome {
        final State after;
        boolean lapsed;
        final Story story = new Story();
        String wrong;
        final List<int[]> got = new ArrayList<>(State.TASKS);

        Outcome(State after) {
            this.after = after;
        }
    }

    // ---- exchange.lua

    /** Executes the call whose bytes begin at {@code at}, sent by the incarnation in {@code slot}. */
    List<Outcome> exchange(State before, int slot, int at) {
        Outcome outcome = new Outcome(before.copy());
        State s = outcome.after;
        if (!isServed(s, slot) && mutant != Mutant.NO_LEASE_CHECK) {
            if (mutant == Mutant.NO_FENCE) {
                settleHalf(outcome, slot, at);
            }
            outcome.lapsed = outcome.wrong == null;
            outcome.story.and(": lapsed");
            return List.of(outcome);
        }
        int number = s.bytes[at + State.C_NUMBER];
        int wanted = s.bytes[at + State.C_WANTED];
        boolean repeated = number <= s.slot(slot, State.LAST);
        settleHalf(outcome, slot, at);
        if (repeated && mutant != Mutant.NO_CALL_NUMBERS && mutant != Mutant.POP_THEN_RECORD) {
            if (mutant != Mutant.NO_REPEATED_ANSWER && mutant != Mutant.SERVER_TOKENS) {
                answerAgain(outcome, slot, number, wanted);
            }
            return List.of(outcome);
        }
        s.slot(slot, State.LAST, number);
        if (s.slot(slot, State.MEMBER) == State.LAPSED) {
            outcome.story.and(" (claims nothing: the lease has run out)");
            return List.of(outcome);
        }
        return claimHalf(outcome, slot, number, wanted, s.bytes[at + State.C_SUSPECT]);
    }

    private static boolean isServed(State s, int slot) {
        int member = s.slot(slot, State.MEMBER);
        return member == State.LEASED || member == State.LAPSED || member == State.HALF_RECOVERED;
    }

    private void settleHalf(Outcome outcome, int slot, int at) {
        byte[] bytes = outcome.after.bytes;
        for (int i = 0; i < State.TASKS; i++) {
            int token = bytes[at + State.C_SETTLE + 3 * i];
            if (token != 0) {
                int task = bytes[at + State.C_SETTLE + 3 * i + 1] - 1;
                settle(outcome, slot, token, task, bytes[at + State.C_SETTLE + 3 * i + 2] & State.VERDICT);
            }
        }
        for (int i = 0; i < State.TASKS; i++) {
            int token = bytes[at + State.C_RELEASE + i];
            if (token != 0) {
                settle(outcome, slot, token, -1, State.RELEASED);
            }
        }
    }

    /** {@code ran} is the task that the sender means, which Redis is not told; -1 if it knows the token only. */
    private void settle(Outcome outcome, int slot, int token, int ran, int verdict) {
        State s = outcome.after;
        int place = s.placeOf(slot, token);
        int task = place < 0 ? -1 : s.heldTask(slot, place);
        if (mutant == Mutant.NO_FENCE && ran >= 0 && s.task(ran, State.BODY) == 1) {
            if (task != ran) {
                outcome.wrong = "a verdict on " + name(ran) + " counts, and its sender does not own it";
            }
            task = ran;
        }
        if (task < 0) {
            outcome.story.and("; the verdict on ", ran < 0 ? "an orphan" : name(ran), " is refused");
            return;
        }
        if (ran >= 0 && ran != task) {
            outcome.wrong = "a verdict on " + name(ran) + " ends " + name(task) + ", which was not run";
        } else if (s.slot(slot, State.MEMBER) != State.LEASED && s.slot(slot, State.MEMBER) != State.LAPSED) {
            outcome.wrong = "a dispatcher that has lost its lease settles " + name(task);
        }
        if (place >= 0) {
            s.drop(slot, place);
        }
        apply(s, task, verdict);
        outcome.story.and("; ", name(task), " is ", VERDICTS[verdict]);
    }

    private void apply(State s, int task, int verdict) {
        if (verdict == State.SUCCEEDED) {
            s.task(task, State.BODY, 0);
            lookAfter(s, task);
            s.task(task, State.STATUS, State.NO_WORD);
            s.task(task, State.ENDED, s.task(task, State.ENDED) + 1);
            forgetCounters(s, task);
        } else if (verdict == State.RELEASED) {
            s.task(task, State.BODY, 0);
            queue(s, task);
        } else {
            s.task(task, State.ATTEMPTS, s.task(task, State.ATTEMPTS) + 1);
            if (s.task(task, State.ATTEMPTS) >= scope.maxAttempts()) {
                lookAfter(s, task);
                bury(s, task);
            } else {
                s.task(task, State.DELAYED, 1);
                s.task(task, State.STATUS, State.RETRYING);
            }
        }
    }

    private void lookAfter(State s, int task) {
        boolean awaited = s.task(task, State.ORIGIN) == State.FOREIGN_AWAITING;
        if (awaited && s.task(task, State.STATUS) != State.QUEUED) {
            watch(s, task);
        }
    }

    private void watch(State s, int task) {
        if (mutant != Mutant.NO_LATE_STATUS_CARE) {
            s.task(task, State.LATE, 1);
        }
    }

    private static void queue(State s, int task) {
        s.task(task, State.LIST, 1);
        s.task(task, State.STATUS, State.QUEUED);
        s.task(task, State.LATE, 0);
    }

    private static void bury(State s, int task) {
        s.task(task, State.BODY, 0);
        s.task(task, State.DEAD, 1);
        s.task(task, State.STATUS, State.DEAD_WORD);
        forgetCounters(s, task);
    }

    /** The frame is gone, and its counters are nobody's any more. */
    private static void forgetCounters(State s, int task) {
        s.task(task, State.ATTEMPTS, 0);
        s.task(task, State.CRASHES, 0);
        s.task(task, State.ORIGIN, State.CLIENT);
    }

    private void answerAgain(Outcome outcome, int slot, int number, int wanted) {
        for (int index = 1; index <= wanted; index++) {
            int place = outcome.after.placeOf(slot, number << 2 | index);
            if (place >= 0) {
                int task = outcome.after.heldTask(slot, place);
                outcome.got.add(new int[] {number << 2 | index, task, suspect(outcome.after, task)});
                outcome.story.and("; it answers ", name(task), " once more");
            }
        }
    }

    /** Which of several tasks stands at the head is left open: every choice is an outcome. */
    private List<Outcome> claimHalf(Outcome settled, int slot, int number, int wanted, int suspectWanted) {
        State s = settled.after;
        int suspects = 0;
        int others = 0;
        for (int task = 0; task < State.TASKS; task++) {
            if (s.task(task, State.LIST) == 1) {
                suspects += isSuspect(s, task) ? 1 : 0;
                others += isSuspect(s, task) ? 0 : 1;
            }
        }
        int fromSuspects = Math.min(Math.min(suspects, suspectWanted), wanted);
        int fromOthers = Math.min(others, wanted - fromSuspects);
        List<Outcome> outcomes = new ArrayList<>(2);
        for (int chosen = 0; chosen < 1 << State.TASKS; chosen++) {
            if (isChoice(s, chosen, fromSuspects, fromOthers)) {
                outcomes.add(claim(settled, chosen, slot, number));
            }
        }
        return outcomes;
    }

    private boolean isChoice(State s, int chosen, int fromSuspects, int fromOthers) {
        int suspects = 0;
        int others = 0;
        for (int task = 0; task < State.TASKS; task++) {
            if ((chosen >> task & 1) == 1) {
                if (s.task(task, State.LIST) == 0) {
                    return false;
                }
                suspects += isSuspect(s, task) ? 1 : 0;
                others += isSuspect(s, task) ? 0 : 1;
            }
        }
        return suspects == fromSuspects && others == fromOthers;
    }

    private Outcome claim(Outcome settled, int chosen, int slot, int number) {
        Outcome outcome = new Outcome(settled.after.copy());
        outcome.story.and(settled.story);
        outcome.wrong = settled.wrong;
        State s = outcome.after;
        int index = 0;
        for (int task = 0; task < State.TASKS; task++) {
            if ((chosen >> task & 1) == 1) {
                s.task(task, State.LIST, 0);
                if (mutant == Mutant.STATUS_DECIDES && s.task(task, State.STATUS) != State.QUEUED) {
                    outcome.story.and("; ", name(task), " is dropped: its status is not queued");
                    continue;
                }
                int token = mutant == Mutant.SERVER_TOKENS ? s.nextServerToken() << 2 | 1 : number << 2 | ++index;
                outcome.got.add(new int[] {token, task, suspect(s, task)});
                if (mutant == Mutant.POP_THEN_RECORD) {
                    outcome.story.and("; ", name(task), " is popped");
                } else {
                    record(s, slot, token, task);
                    outcome.story.and("; ", name(task), " is claimed as ", text(token));
                }
            }
        }
        return outcome;
    }

    /** Writes down who owns a task; a raw element gets its header now. */
    void record(State s, int slot, int token, int task) {
        s.hold(slot, token, task);
        s.task(task, State.BODY, 1);
        if (s.task(task, State.ORIGIN) == State.RAW) {
            boolean there = s.task(task, State.STATUS) == State.QUEUED;
            s.task(task, State.ORIGIN, there ? State.FOREIGN : State.FOREIGN_AWAITING);
        }
        if (mutant != Mutant.STATUS_WRITTEN_BESIDE) {
            s.task(task, State.STATUS, State.PROCESSING);
        }
    }

    boolean isSuspect(State s, int task) {
        return s.task(task, State.CRASHES) >= Math.max(1, scope.crashLimit() - 1);
    }

    private int suspect(State s, int task) {
        return isSuspect(s, task) ? State.SUSPECT : 0;
    }

    // ---- recover.lua

    /** One slice of one task; the newest claim goes back first. */
    void recover(State s, int slot, boolean leaving) {
        if (s.slot(slot, State.MEMBER) != State.ABSENT) {
            s.slot(slot, State.MEMBER, mutant == Mutant.NO_MARK ? State.HALF_RECOVERED : State.MARKED);
        }
        int newest = -1;
        for (int place = 0; place < State.TASKS; place++) {
            if (s.heldToken(slot, place) > (newest < 0 ? 0 : s.heldToken(slot, newest))) {
                newest = place;
            }
        }
        if (newest >= 0) {
            int task = s.heldTask(slot, newest);
            s.drop(slot, newest);
            giveBack(s, task, leaving);
        }
        if (s.held(slot) == 0) {
            s.slot(slot, State.MEMBER, State.ABSENT);
            s.slot(slot, State.LAST, 0);
        } else if (mutant == Mutant.MEMBER_REMOVED_EARLY) {
            s.slot(slot, State.MEMBER, State.ABSENT);
        }
    }

    private void giveBack(State s, int task, boolean leaving) {
        boolean wasSuspect = isSuspect(s, task);
        boolean awaited = s.task(task, State.ORIGIN) == State.FOREIGN_AWAITING;
        s.task(task, State.BODY, 0);
        if (!leaving) {
            s.task(task, State.CRASHES, s.task(task, State.CRASHES) + 1);
        }
        if (!leaving && s.task(task, State.CRASHES) >= scope.crashLimit() && wasSuspect) {
            bury(s, task);
            if (awaited) {
                watch(s, task);
            }
        } else {
            queue(s, task);
        }
    }

    // ---- upkeep.lua

    /** A delayed task is due. */
    static void promote(State s, int task) {
        s.task(task, State.DELAYED, 0);
        s.task(task, State.BODY, 0);
        queue(s, task);
    }

    /** A look at a task that ended before its producer's status came; the last one if there is nothing to wait for. */
    static void look(State s, int task, boolean last) {
        int word = s.task(task, State.STATUS);
        boolean nothing = word == State.NO_WORD || word == State.DEAD_WORD;
        if (!nothing || last) {
            s.task(task, State.LATE, 0);
            if (word == State.QUEUED) {
                correct(s, task);
            }
        }
    }

    /** With every list empty a task that is only "queued" is nowhere. */
    static boolean sweep(State s) {
        int words = 0;
        int homes = 0;
        for (int task = 0; task < State.TASKS; task++) {
            if (s.task(task, State.LIST) == 1) {
                return false;
            }
            words += s.task(task, State.STATUS) == State.NO_WORD ? 0 : 1;
            homes += s.task(task, State.BODY) + s.task(task, State.DEAD);
        }
        for (int task = 0; task < State.TASKS && words > homes; task++) {
            if (s.task(task, State.STATUS) == State.QUEUED) {
                correct(s, task);
            }
        }
        return words > homes;
    }

    private static void correct(State s, int task) {
        if (s.task(task, State.BODY) == 0) {
            s.task(task, State.STATUS, s.task(task, State.DEAD) == 1 ? State.DEAD_WORD : State.NO_WORD);
        }
    }

    // ---- enqueue.lua

    /** A task is enqueued by our client once more; answers what is wrong with the answer, or null. */
    static String enqueue(State s, int task) {
        boolean isThere = s.task(task, State.LIST) == 1 || s.task(task, State.BODY) == 1;
        if (lives(s, task)) {
            return isThere ? null : "an enqueue of " + name(task) + " is answered EXISTING, and it is nowhere";
        }
        s.task(task, State.LIST, s.task(task, State.LIST) + 1);
        s.task(task, State.CREATED, s.task(task, State.CREATED) + 1 - s.task(task, State.DEAD));
        s.task(task, State.DEAD, 0);
        s.task(task, State.STATUS, State.QUEUED);
        s.task(task, State.ORIGIN, s.task(task, State.LATE) == 1 ? State.FOREIGN_AWAITING : State.CLIENT);
        s.task(task, State.LATE, 0);
        return null;
    }

    private static boolean lives(State s, int task) {
        boolean waiting = false;
        for (int any = 0; any < State.TASKS; any++) {
            waiting |= s.task(any, State.LIST) == 1;
        }
        int word = s.task(task, State.STATUS);
        if (word == State.QUEUED && waiting && s.task(task, State.LATE) == 0) {
            return true;
        }
        return word != State.NO_WORD && s.task(task, State.BODY) == 1;
    }

    static String name(int task) {
        return task == 0 ? "A" : "B";
    }

    static String text(int token) {
        return TOKENS[token];
    }
}
