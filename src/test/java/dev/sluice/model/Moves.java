package dev.sluice.model;

import java.util.List;

/** Everything that may happen next: what dispatchers, producers, chores and time do, and every fault. */
final class Moves {
    /** Takes one next state. */
    interface Visitor {
        /**
         * One step.
         *
         * @param fair whether it happens by itself once faults stop
         * @param wrong the promise that this step broke, or null
         * @param story what happens
         */
        void next(State after, boolean fair, String wrong, Story story);
    }

    private static final boolean FAIR = true;
    private static final boolean FAULT = false;
    private static final String[] INCARNATIONS = {"D1", "D2", "a life that is over (1)", "a life that is over (2)"};

    private final Scope scope;
    private final Mutant mutant;
    private final Scripts scripts;
    private final Visitor visitor;

    Moves(Scope scope, Mutant mutant, Visitor visitor) {
        this.scope = scope;
        this.mutant = mutant;
        this.scripts = new Scripts(scope, mutant);
        this.visitor = visitor;
    }

    /** Two tasks wait, and two dispatchers are down. */
    State first() {
        State s = new State(scope);
        for (int task = 0; task < State.TASKS; task++) {
            s.task(task, State.LIST, 1);
            s.task(task, State.CREATED, 1);
            s.task(task, State.STATUS, State.QUEUED);
        }
        if (scope.foreign()) {
            s.task(1, State.ORIGIN, State.RAW);
            s.task(1, State.STATUS, State.NO_WORD);
            s.budget(State.STATUS_TO_COME, 1);
        }
        s.budget(State.CRASHES_LEFT, scope.crashes());
        s.budget(State.STALLS_LEFT, scope.stalls());
        s.budget(State.STOPS_LEFT, scope.stops());
        s.budget(State.ROLLBACKS_LEFT, scope.rollbacks());
        s.budget(State.ENQUEUES_LEFT, scope.enqueuedAgain());
        return s;
    }

    void from(State s) {
        for (int d = 0; d < State.DISPATCHERS; d++) {
            if (s.of(d, State.MODE) == State.DOWN) {
                joins(s, d);
            } else {
                sends(s, d);
                calls(s, d);
                lease(s, d);
                compares(s, d);
                stops(s, d);
                kill(s, d);
                writesStatus(s, d);
            }
        }
        chores(s);
        producers(s);
        network(s);
        redisForgets(s);
    }

    // ---- a dispatcher: its life

    private void joins(State s, int d) {
        State joined = s.copy();
        joined.slot(d, State.MEMBER, State.LEASED);
        State unheard = joined.copy();
        joined.of(d, State.MODE, State.OPEN);
        visitor.next(joined, FAIR, null, Story.of(name(d), " joins under a new name"));
        if (s.budget(State.CRASHES_LEFT) > 0 && unheard.leaveBehind(d)) {
            unheard.budget(State.CRASHES_LEFT, s.budget(State.CRASHES_LEFT) - 1);
            visitor.next(unheard, FAULT, null, Story.of(name(d), " joins, and is killed or never hears of it"));
        }
    }

    private void lease(State s, int d) {
        int member = s.slot(d, State.MEMBER);
        if (member == State.ABSENT || member == State.MARKED) {
            loses(s, d, FAIR, " hears that it has lapsed");
        } else if (member == State.LAPSED) {
            State renewed = s.copy();
            renewed.slot(d, State.MEMBER, State.LEASED);
            visitor.next(renewed, FAIR, null, Story.of(name(d), " renews its lease in the last moment"));
        } else if (s.budget(State.STALLS_LEFT) != 0) {
            State stalled = s.copy();
            if (scope.stalls() != Scope.ANY) {
                stalled.budget(State.STALLS_LEFT, s.budget(State.STALLS_LEFT) - 1);
            }
            loses(stalled, d, FAULT, " cannot renew in time by its own clock");
            stalled.slot(d, State.MEMBER, State.LAPSED);
            visitor.next(stalled, FAULT, null, Story.of(name(d), " stalls: its lease runs out"));
        }
        if (member == State.LAPSED) {
            loses(s, d, FAULT, " cannot renew in time by its own clock");
        }
    }

    /** It forgets what it holds; its leave and its last call may be executed, or may not. */
    private void loses(State s, int d, boolean fair, String why) {
        for (int left = 0; left < 3; left++) {
            for (int stale = 0; stale < (s.staleCalls() > 0 && s.calls(d) > 0 ? 2 : 1); stale++) {
                State lost = s.copy();
                if (stale == 1 && !lost.keepStale(d, 0)) {
                    continue;
                }
                String leave = leave(lost, d, left);
                lost.forget(d);
                if (leave != null && lost.leaveBehind(d)) {
                    visitor.next(
                            lost,
                            fair,
                            null,
                            Story.of(
                                    name(d),
                                    why,
                                    ", drops all it holds",
                                    leave,
                                    stale == 1 ? "; a call is still under way" : ""));
                }
            }
        }
    }

    /** 0: the leave is not executed; 1: its first slice; 2: all of it. Null if that makes no difference. */
    private String leave(State s, int d, int slices) {
        if (slices == 0) {
            return "";
        }
        int member = s.slot(d, State.MEMBER);
        int held = s.held(d);
        if (member == State.ABSENT || (slices == 1 && held < 2)) {
            return null;
        }
        for (int i = 0; i < Math.max(1, slices == 1 ? 1 : held); i++) {
            scripts.recover(s, d, true);
        }
        return slices == 1 ? " and leaves, heard for the first slice" : " and leaves";
    }

    private void stops(State s, int d) {
        if (s.of(d, State.MODE) == State.OPEN) {
            boolean finished = Invariants.allEnded(s);
            if (s.budget(State.STOPS_LEFT) > 0 || finished) {
                State stopping = s.copy();
                stopping.of(d, State.MODE, State.DRAINING);
                if (!finished) {
                    stopping.budget(State.STOPS_LEFT, s.budget(State.STOPS_LEFT) - 1);
                }
                visitor.next(stopping, finished, null, Story.of(name(d), " is asked to stop"));
            }
        } else {
            boolean drained = s.attempts(d) == 0 && s.calls(d) == 0;
            loses(s, d, drained, drained ? " has drained" : " is out of grace");
        }
    }

    private void kill(State s, int d) {
        if (s.budget(State.CRASHES_LEFT) > 0) {
            State killed = s.copy();
            killed.budget(State.CRASHES_LEFT, s.budget(State.CRASHES_LEFT) - 1);
            State underWay = killed.copy();
            killed.forget(d);
            if (killed.leaveBehind(d)) {
                visitor.next(killed, FAULT, null, Story.of(name(d), " is killed"));
            }
            boolean kept = underWay.calls(d) > 0 && underWay.keepStale(d, 0);
            underWay.forget(d);
            if (kept && underWay.leaveBehind(d)) {
                visitor.next(underWay, FAULT, null, Story.of(name(d), " is killed; a call is still under way"));
            }
        }
    }

    // ---- a dispatcher: its calls

    /** Whatever has ended meanwhile goes into a call, with as much room as that leaves: every combination is tried. */
    private void sends(State s, int d) {
        int call = s.calls(d);
        if (call == scope.callsInFlight()) {
            return;
        }
        for (int first = 0; first <= State.RELEASED; first++) {
            for (int second = 0; second <= State.RELEASED; second++) {
                if (fits(s, d, 0, first) && fits(s, d, 1, second)) {
                    send(s.copy(), d, call, first, second);
                }
            }
        }
    }

    /** What the loop gave up itself is settled with the next call; what runs ends when it likes. */
    private static boolean fits(State s, int d, int place, int verdict) {
        boolean cancelled = (s.attempt(d, place, 2) & State.CANCELLED) != 0;
        if (s.attempt(d, place, 0) == 0) {
            return verdict == 0;
        }
        return cancelled == (verdict == State.RELEASED)
                || (!cancelled && s.of(d, State.MODE) == State.DRAINING && verdict == State.RELEASED);
    }

    private void send(State s, int d, int call, int first, int second) {
        int settled = 0;
        Story story = new Story();
        for (int place = 0; place < State.TASKS; place++) {
            int verdict = place == 0 ? first : second;
            if (verdict != 0) {
                int at = State.C_SETTLE + 3 * settled++;
                s.callPart(d, call, at, s.attempt(d, place, 0));
                s.callPart(d, call, at + 1, s.attempt(d, place, 1));
                s.callPart(d, call, at + 2, verdict | (s.attempt(d, place, 2) & State.SUSPECT));
                story.and(verdict == State.SUCCEEDED ? ", ended " : verdict == State.FAILED ? ", failed " : ", back ")
                        .and(Scripts.name(s.attempt(d, place, 1) - 1), " as ", Scripts.text(s.attempt(d, place, 0)));
                s.attempt(d, place, 0, -1, 0);
            }
        }
        int orphans = 0;
        for (int i = 0; i < State.TASKS; i++) {
            if (s.of(d, State.ORPHANS + i) != 0) {
                s.callPart(d, call, State.C_RELEASE + orphans++, s.of(d, State.ORPHANS + i));
                story.and(", back the orphan ", Scripts.text(s.of(d, State.ORPHANS + i)));
                s.of(d, State.ORPHANS + i, 0);
            }
        }
        int room = s.of(d, State.MODE) == State.OPEN ? room(s, d, call) : 0;
        boolean worth = settled + orphans > 0 || (room > 0 && Invariants.somethingWaits(s));
        if (!worth || s.of(d, State.NUMBER) >= State.MOST_NUMBERS - 1) {
            return;
        }
        boolean suspect = room > 0 && s.of(d, State.SUSPECTS) == 0;
        int number = s.of(d, State.NUMBER) + 1;
        s.of(d, State.NUMBER, number);
        s.of(d, State.SUSPECTS, s.of(d, State.SUSPECTS) + (suspect ? 1 : 0));
        s.callPart(d, call, State.C_NUMBER, number);
        s.callPart(d, call, State.C_WANTED, room);
        s.callPart(d, call, State.C_SUSPECT, suspect ? 1 : 0);
        visitor.next(s, FAIR, null, Story.of(name(d), " sends call ", number, ": room for ", room, story));
    }

    private int room(State s, int d, int calls) {
        int reserved = 0;
        for (int call = 0; call < calls; call++) {
            reserved += s.callPart(d, call, State.C_WANTED);
        }
        int room = scope.permits() - reserved - s.attempts(d);
        return Math.min(State.TASKS, Math.max(0, room) + (mutant == Mutant.PREFETCH ? 1 : 0));
    }

    /**
     * What Redis does with the unanswered calls. That an answer arrives is one step with the execution: nobody else can
     * tell the difference, for until then its dispatcher can do nothing that others see.
     */
    private void calls(State s, int d) {
        for (int call = 0; call < s.calls(d); call++) {
            for (Scripts.Outcome outcome : scripts.exchange(s, d, s.call(d, call))) {
                if (!outcome.lapsed) {
                    // A call may overtake one that was refused on its way, as while Redis does not know the script.
                    executed(outcome, d, call, call == 0);
                }
            }
        }
        State late = s.copy();
        if (s.calls(d) > 0 && late.keepStale(d, 0)) {
            visitor.next(
                    late,
                    FAULT,
                    null,
                    Story.of(name(d), " waits no longer for call ", number(s, d, 0), " and repeats it"));
        }
    }

    private void executed(Scripts.Outcome outcome, int d, int call, boolean fair) {
        State after = outcome.after;
        Story story = Story.of("Redis executes call ", number(after, d, call), " of ", name(d), outcome.story);
        visitor.next(after.copy(), FAULT, outcome.wrong, Story.of(story, "; the answer is lost, the call is repeated"));
        String wrong = answered(after, d, call, outcome.got);
        visitor.next(
                after,
                fair,
                outcome.wrong == null ? wrong : outcome.wrong,
                Story.of(story, "; ", name(d), " hears it"));
    }

    private static int number(State s, int d, int call) {
        return s.callPart(d, call, State.C_NUMBER);
    }

    private String answered(State s, int d, int call, List<int[]> got) {
        int suspects = s.of(d, State.SUSPECTS) - s.callPart(d, call, State.C_SUSPECT);
        for (int i = 0; i < State.TASKS; i++) {
            suspects -= (s.callPart(d, call, State.C_SETTLE + 3 * i + 2) & State.SUSPECT) != 0 ? 1 : 0;
        }
        s.removeCall(d, call);
        for (int[] claimed : got) {
            if (s.attempts(d) == scope.permits()) {
                return "more tasks are held than there are permits";
            }
            int place = s.attempt(d, 0, 0) == 0 ? 0 : 1;
            s.attempt(d, place, claimed[0], claimed[1], State.RUNNING | claimed[2]);
            suspects += claimed[2] != 0 ? 1 : 0;
            hold(s, d, claimed[0], claimed[1]);
        }
        s.of(d, State.SUSPECTS, suspects);
        return null;
    }

    private void hold(State s, int d, int token, int task) {
        if (mutant == Mutant.POP_THEN_RECORD) {
            scripts.record(s, d, token, task);
        } else if (mutant == Mutant.STATUS_WRITTEN_BESIDE) {
            s.of(d, State.WRITING, task + 1);
        }
    }

    private void writesStatus(State s, int d) {
        int task = s.of(d, State.WRITING) - 1;
        if (task >= 0) {
            State written = s.copy();
            written.of(d, State.WRITING, 0);
            written.task(task, State.STATUS, State.PROCESSING);
            visitor.next(
                    written,
                    FAIR,
                    null,
                    Story.of(name(d), " writes the status of ", Scripts.name(task), ": processing"));
        }
    }

    /** R2: what only Redis knows, twice, goes back; what only the dispatcher knows is cancelled. */
    private void compares(State s, int d) {
        if (mutant == Mutant.NO_RECONCILE) {
            return;
        }
        State after = s.copy();
        Story story = Story.of(name(d), " compares tokens");
        int unknown = 0;
        after.of(d, State.UNKNOWN, 0);
        after.of(d, State.UNKNOWN + 1, 0);
        for (int place = 0; place < State.TASKS; place++) {
            int token = s.heldToken(d, place);
            if (token != 0 && !isKnown(s, d, token)) {
                after.of(d, State.UNKNOWN + unknown++, token);
                boolean again = s.of(d, State.UNKNOWN) == token || s.of(d, State.UNKNOWN + 1) == token;
                story.and(again ? ": gives back the orphan " : ": does not know ", Scripts.text(token));
                if (again) {
                    adopt(after, d, token);
                }
            }
            int mine = s.attempt(d, place, 0);
            if (mine != 0 && (s.attempt(d, place, 2) & State.CANCELLED) == 0 && s.placeOf(d, mine) < 0) {
                after.attempt(d, place, mine, s.attempt(d, place, 1) - 1, s.attempt(d, place, 2) | State.CANCELLED);
                story.and(": cancels ", Scripts.text(mine), ", which Redis does not know");
            }
        }
        visitor.next(after, FAIR, null, story);
    }

    private static boolean isKnown(State s, int d, int token) {
        for (int i = 0; i < State.TASKS; i++) {
            if (s.attempt(d, i, 0) == token) {
                return true;
            }
        }
        for (int call = 0; call < s.calls(d); call++) {
            if (number(s, d, call) == token >> 2) {
                return true;
            }
            for (int i = 0; i < State.TASKS; i++) {
                if (s.callPart(d, call, State.C_SETTLE + 3 * i) == token) {
                    return true;
                }
            }
        }
        return false;
    }

    private static void adopt(State s, int d, int token) {
        if (s.of(d, State.ORPHANS) != token && s.of(d, State.ORPHANS + 1) != token) {
            s.of(d, s.of(d, State.ORPHANS) == 0 ? State.ORPHANS : State.ORPHANS + 1, token);
        }
    }

    // ---- time and chores

    private void chores(State s) {
        for (int slot = 0; slot < State.SLOTS; slot++) {
            boolean owned = slot < State.DISPATCHERS;
            int member = s.slot(slot, State.MEMBER);
            if (!owned && member == State.LEASED) {
                State lapsed = s.copy();
                lapsed.slot(slot, State.MEMBER, State.LAPSED);
                visitor.next(lapsed, FAIR, null, Story.of("the lease of ", incarnation(slot), " runs out"));
            }
            if (member == State.LAPSED || member == State.MARKED || member == State.HALF_RECOVERED) {
                State recovered = s.copy();
                scripts.recover(recovered, slot, false);
                boolean fair = !owned || member != State.LAPSED; // who is well renews first
                visitor.next(recovered, fair, null, Story.of("one task of ", incarnation(slot), " is recovered"));
            }
        }
        for (int task = 0; task < State.TASKS; task++) {
            if (s.task(task, State.DELAYED) == 1) {
                State due = s.copy();
                Scripts.promote(due, task);
                visitor.next(due, FAIR, null, Story.of(Scripts.name(task), " is due"));
            }
            if (s.task(task, State.LATE) == 1) {
                looks(s, task);
            }
        }
        State swept = s.copy();
        if (mutant != Mutant.NO_LATE_STATUS_CARE && Scripts.sweep(swept)) {
            visitor.next(swept, FAIR, null, Story.of("upkeep sweeps the statuses"));
        }
    }

    /** The looks go on for 80 s: that a status comes within them is assumed here. */
    private void looks(State s, int task) {
        State looked = s.copy();
        Scripts.look(looked, task, s.budget(State.STATUS_TO_COME) == 0);
        visitor.next(looked, FAIR, null, Story.of("upkeep looks after the late status of ", Scripts.name(task)));
    }

    private void producers(State s) {
        if (s.budget(State.STATUS_TO_COME) == 1) {
            State written = s.copy();
            written.budget(State.STATUS_TO_COME, 0);
            written.task(1, State.STATUS, State.QUEUED);
            visitor.next(written, FAIR, null, Story.of("the producer of B writes its status: queued"));
        }
        for (int task = 0; task < State.TASKS && s.budget(State.ENQUEUES_LEFT) > 0; task++) {
            if (s.task(task, State.ORIGIN) != State.RAW) {
                State again = s.copy();
                again.budget(State.ENQUEUES_LEFT, s.budget(State.ENQUEUES_LEFT) - 1);
                String wrong = Scripts.enqueue(again, task);
                visitor.next(again, FAULT, wrong, Story.of(Scripts.name(task), " is enqueued again"));
            }
        }
    }

    private void network(State s) {
        for (int place = 0; place < s.staleCalls(); place++) {
            int slot = s.staleSlot(place);
            if (slot >= 0) {
                State dropped = s.copy();
                dropped.removeStale(place);
                visitor.next(dropped, FAIR, null, Story.of("a call that nobody waits for is gone"));
                int number = s.bytes[s.staleCall(place)];
                List<Scripts.Outcome> outcomes = scripts.exchange(s, slot, s.staleCall(place));
                for (Scripts.Outcome outcome : outcomes) {
                    outcome.after.removeStale(place);
                    visitor.next(
                            outcome.after,
                            FAULT,
                            outcome.wrong,
                            Story.of(
                                    "Redis executes an old copy of call ",
                                    number,
                                    " of ",
                                    incarnation(slot),
                                    outcome.story));
                }
            }
        }
    }

    private void redisForgets(State s) {
        if (s.hasCopy()) {
            State fallen = s.copy();
            fallen.restoreCopy();
            for (int place = 0; place < s.staleCalls(); place++) {
                fallen.removeStale(place);
            }
            fallen.budget(State.ROLLBACKS_LEFT, s.budget(State.ROLLBACKS_LEFT) - 1);
            fallen.dropCopy();
            visitor.next(fallen, FAULT, null, Story.of("Redis falls back to that state"));
            State kept = s.copy();
            kept.dropCopy();
            visitor.next(kept, FAIR, null, Story.of("Redis will not fall back to that state"));
        } else if (s.budget(State.ROLLBACKS_LEFT) > 0) {
            State saved = s.copy();
            saved.saveCopy();
            visitor.next(saved, FAULT, null, Story.of("this is a state to which Redis may fall back"));
        }
    }

    private static String name(int dispatcher) {
        return INCARNATIONS[dispatcher];
    }

    private static String incarnation(int slot) {
        return INCARNATIONS[slot];
    }
}
