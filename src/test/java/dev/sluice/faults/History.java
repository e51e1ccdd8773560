package dev.sluice.faults;

import dev.sluice.faults.Event.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * All that the workers of one run wrote down, held against what was done to them.
 *
 * <p>What must hold: every accepted task was done; nothing ran that was not accepted; the fencing numbers of a task grow
 * from run to run; a second run has a reason, namely that the run before it asked for one, or that its worker died, was
 * stopped or lost its lease at a time when that run was not settled yet; a crash is counted where somebody was killed, or stood
 * still, or was cut off from a Redis that served others; a lease is lost for a reason; two runs of one task
 * overlap only if the first of them could not be told to end; and no more successes were recorded than tasks exist.
 */
final class History {
    /** How long after its end a run may still wait for Redis to record it, when nothing is wrong. */
    private static final Duration SETTLING = Duration.ofMillis(500);

    /** So long after its lease was lost may a worker begin to run what was on its way to another thread. */
    private static final Duration HANDOVER = Duration.ofMillis(100);

    /** So long after a lease has ended may it take others to look. */
    private static final Duration TO_LOOK = Duration.ofSeconds(1);

    /** Whoever has less than this between two faults need not come to send a beat. */
    private static final Duration TO_BEAT = Duration.ofMillis(100);

    /** A stop with its grace is over by then. */
    private static final Duration LAST_WORDS = Duration.ofMillis(2300);

    /** Shorter silences of all are no silence for a lease below 3 s: see the rationale. */
    static final Duration NOTICED = Duration.ofSeconds(2);

    private static final Set<Fault.Kind> SILENCES = Set.of(Fault.Kind.FROZEN, Fault.Kind.LINK);
    private static final Set<Fault.Kind> OUTAGES = Set.of(Fault.Kind.REDIS);
    private static final Comparator<Fault> BY_BEGIN = Comparator.comparingLong(Fault::fromNanos);

    private final Map<String, List<Run>> runs = new TreeMap<>();
    private final List<Event> events;
    private final List<Event> lapses;
    private final List<Fault> faults;
    private final Duration lease;

    History(Collection<Event> events, Collection<Fault> faults, Duration lease) {
        this.events =
                events.stream().sorted(Comparator.comparingLong(Event::nanos)).toList();
        this.lapses = this.events.stream()
                .filter(event -> event.kind() == Kind.LAPSED)
                .toList();
        this.faults = List.copyOf(faults);
        this.lease = lease;
        this.events.forEach(this::record);
        runs.values().forEach(list -> list.sort(Comparator.comparingLong(run -> run.fence)));
    }

    private void record(Event event) {
        switch (event.kind()) {
            case STARTED ->
                runs.computeIfAbsent(event.id(), id -> new ArrayList<>()).add(new Run(event));
            case DONE, RETRIED, FAILED, SNOOZED, DISCARDED, GIVEN_UP, CANCELLED ->
                run(event).end(event);
            default -> {
                return; // about no task
            }
        }
    }

    private Run run(Event event) {
        return runs.get(event.id()).stream()
                .filter(run -> run.fence == event.fence() && run.worker.equals(event.worker()))
                .findFirst()
                .orElseThrow();
    }

    /** The accepted tasks that no worker finished. */
    Set<String> undone(Set<String> accepted) {
        Set<String> undone = new HashSet<>(accepted);
        runs.forEach((id, list) -> {
            if (list.stream().anyMatch(run -> run.said == Kind.DONE)) {
                undone.remove(id);
            }
        });
        return undone;
    }

    /** How many runs repeated one that had not asked for another. */
    int repeats() {
        return runs.values().stream()
                .mapToInt(list -> list.size()
                        - 1
                        - (int) list.stream()
                                .limit(list.size() - 1L)
                                .filter(Run::asksForAnother)
                                .count())
                .sum();
    }

    long count(Kind kind) {
        return events.stream()
                .filter(event -> event.kind() == kind)
                .mapToLong(event -> kind == Kind.SUCCEEDED || kind == Kind.FENCED ? event.fence() : 1)
                .sum();
    }

    /** The end of the last run that ended. */
    long lastEnd() {
        return runs.values().stream()
                .flatMap(List::stream)
                .filter(run -> run.said == Kind.DONE)
                .mapToLong(run -> run.endNanos)
                .max()
                .orElse(0);
    }

    /** When the runs began that followed those which this worker held at the moment, sorted, after that moment. */
    List<Duration> recoveriesOf(String worker, long nanos) {
        List<Duration> times = new ArrayList<>();
        for (List<Run> list : runs.values()) {
            for (int i = 0; i < list.size(); i++) {
                Run run = list.get(i);
                if (run.worker.equals(worker) && run.startNanos <= nanos && run.endNanos > nanos) {
                    times.add(
                            i + 1 == list.size()
                                    ? Duration.ofDays(1)
                                    : Duration.ofNanos(list.get(i + 1).startNanos - nanos));
                }
            }
        }
        times.sort(Comparator.naturalOrder());
        return times;
    }

    /** What the handler of this run said in the end; null if it did not, or if there was no such run. */
    @Nullable
    Kind said(String id, long fence) {
        return runs.getOrDefault(id, List.of()).stream()
                .filter(run -> run.fence == fence && run.said != null)
                .map(run -> run.said)
                .findFirst()
                .orElse(null);
    }

    /** How many crashes each run was told of, by what {@link Journal#valueOf names} it. */
    Map<String, Long> told() {
        return events.stream()
                .filter(event -> event.kind() == Kind.TOLD)
                .collect(Collectors.toMap(Event::id, Event::fence, Math::max));
    }

    /** Who ran this; null if the claim never became a run. */
    @Nullable
    String workerOf(String id, long fence) {
        return runs.getOrDefault(id, List.of()).stream()
                .filter(run -> run.fence == fence)
                .map(run -> run.worker)
                .findFirst()
                .orElse(null);
    }

    /**
     * Whether the others could not but hold this worker for dead between these two moments: it was killed before; or its last
     * words were said when nobody heard them; or it stood still, or was cut off while they were not, for half a lease on end, which is a beat
     * that was missed, no longer ago than a lease and the time to look. That Redis was away from all counts as that, unless it
     * was for so long on end that it must have been noticed: then all were given a whole lease from its end.
     *
     * @param worker null for one of which nobody knows who it was
     */
    boolean explainsCrash(@Nullable String worker, long fromNanos, long toNanos) {
        List<Fault> own = faults.stream()
                .filter(fault -> (worker == null || fault.touches(worker)) && fault.fromNanos() <= toNanos)
                .toList();
        if (own.stream().anyMatch(fault -> fault.kind() == Fault.Kind.KILLED || isUnheardStop(fault))) {
            return true;
        }
        long since = fromNanos - lease.plus(TO_LOOK).toNanos();
        List<Fault> silent = new ArrayList<>(of(own, SILENCES));
        chains(of(own, OUTAGES), Duration.ZERO).stream()
                .filter(outage -> length(outage, toNanos) < NOTICED.toNanos())
                .forEach(silent::addAll);
        silent.removeIf(fault -> fault.toNanos() < since);
        return chains(silent, TO_BEAT).stream().anyMatch(silence -> length(silence, toNanos) >= lease.toNanos() / 2);
    }

    private boolean isUnheardStop(Fault stop) {
        return stop.kind() == Fault.Kind.STOPPED
                && faults.stream()
                        .filter(fault -> fault.touches(stop.worker()))
                        .filter(fault -> fault.kind() == Fault.Kind.REDIS || fault.kind() == Fault.Kind.LINK)
                        .anyMatch(fault -> fault.fromNanos() <= stop.toNanos() + LAST_WORDS.toNanos()
                                && fault.toNanos() >= stop.fromNanos());
    }

    private static List<Fault> of(List<Fault> faults, Set<Fault.Kind> kinds) {
        return faults.stream().filter(fault -> kinds.contains(fault.kind())).toList();
    }

    /** The same in groups without a longer gap. */
    private static List<List<Fault>> chains(List<Fault> faults, Duration gap) {
        List<List<Fault>> chains = new ArrayList<>();
        long end = 0;
        for (Fault fault : faults.stream().sorted(BY_BEGIN).toList()) {
            if (chains.isEmpty() || fault.fromNanos() > end + gap.toNanos()) {
                chains.add(new ArrayList<>());
                end = fault.toNanos();
            }
            chains.get(chains.size() - 1).add(fault);
            end = Math.max(end, fault.toNanos());
        }
        return chains;
    }

    /** How long such a group lasts, up to this moment. */
    private static long length(List<Fault> chain, long toNanos) {
        long end = chain.stream().mapToLong(Fault::toNanos).max().orElseThrow();
        return Math.min(toNanos, end) - chain.get(0).fromNanos();
    }

    /** Every run, to be held against what Redis wrote down. */
    void forEachRun(RunVisitor visitor) {
        runs.forEach((id, list) -> list.forEach(run -> visitor.visit(id, run.fence, run.startNanos)));
    }

    /** Looks at a run. */
    interface RunVisitor {
        void visit(String id, long fence, long startNanos);
    }

    /** Everything that is wrong, in words; empty if all is well. All tasks that Redis took are to be done well. */
    List<String> faultsFound(Set<String> accepted) {
        List<String> wrong = new ArrayList<>();
        undone(accepted).forEach(id -> wrong.add("lost: " + id + " " + runs.getOrDefault(id, List.of())));
        wrong.addAll(faultsInRuns(accepted, Set.of()));
        wrong.addAll(faultsInSuccesses(accepted.size(), accepted.size()));
        return wrong;
    }

    /**
     * What is wrong with the runs.
     *
     * @param tasks all that were put in
     * @param askedToStop those of which somebody wanted that they be stopped: the message may reach the next of their id,
     *     which is then run again
     */
    List<String> faultsInRuns(Set<String> tasks, Set<String> askedToStop) {
        List<String> wrong = new ArrayList<>();
        runs.forEach((id, list) -> {
            if (!tasks.contains(id)) {
                wrong.add("nobody put in: " + id + " " + list);
            }
            for (int i = 1; i < list.size(); i++) {
                compare(list.get(i - 1), list.get(i), askedToStop.contains(id), wrong);
            }
        });
        lapses.stream()
                .filter(event -> reason(event) == null)
                .forEach(event -> wrong.add("a lease was lost for no reason: " + event + ", after "
                        + lastOf(event.worker(), event.nanos())));
        return wrong;
    }

    /** What Redis last told this worker, and what else happened to it: enough to see since when it heard nothing. */
    private List<Event> lastOf(String worker, long nanos) {
        List<Event> before = events.stream()
                .filter(event -> event.worker().equals(worker) && event.nanos() < nanos)
                .toList();
        return before.subList(Math.max(0, before.size() - 6), before.size());
    }

    private void compare(Run first, Run second, boolean askedToStop, List<String> wrong) {
        String both = first + " and " + second;
        if (first.fence == second.fence) {
            wrong.add("two runs with one fencing number: " + both);
        }
        if (first.endNanos <= second.startNanos && (first.asksForAnother() || (askedToStop && first.cancelled))) {
            return;
        }
        List<Fault> ends = endsOfLife(first, second);
        if (ends.isEmpty()) {
            wrong.add("a second run for no reason: " + both + "; " + first.worker + " lost its lease at "
                    + lapsesOf(first));
            return;
        }
        boolean gone =
                ends.stream().anyMatch(fault -> fault.kind() == Fault.Kind.KILLED || fault.kind() == Fault.Kind.FROZEN);
        if (!gone && first.endNanos > second.startNanos) {
            wrong.add("two runs at the same time: " + both + ", after " + ends);
        }
        if (!gone && first.startNanos > second.startNanos) {
            wrong.add("the fencing number shrank: " + both + ", after " + ends);
        }
    }

    /** Until when Redis may not have recorded its end: later, if its worker could not reach Redis, or stood still, in that moment. */
    private long unrecordedUntil(Run run) {
        if (run.endNanos == Long.MAX_VALUE) {
            return run.endNanos;
        }
        long usual = run.endNanos + SETTLING.toNanos();
        return faults.stream()
                .filter(fault -> !fault.kind().endsLife() && fault.touches(run.worker))
                .filter(fault -> fault.fromNanos() < usual && fault.toNanos() > run.endNanos)
                .mapToLong(fault -> fault.toNanos() + SETTLING.toNanos())
                .reduce(usual, Math::max);
    }

    /** What may have ended the life in which the first run was, while it was not settled, before the second began. */
    private List<Fault> endsOfLife(Run first, Run second) {
        return faults.stream()
                .filter(fault -> fault.touches(first.worker)
                        && fault.fromNanos() < second.startNanos
                        && fault.fromNanos() < unrecordedUntil(first))
                .filter(fault -> fault.kind().endsLife() || lapsedAfter(first, fault) || diedOf(fault, second))
                .toList();
    }

    /** Whoever is killed while it stands still, or before it has found out what it missed, tells of no lapse. */
    private boolean diedOf(Fault still, Run second) {
        return still.kind() == Fault.Kind.FROZEN
                && second.startNanos - still.fromNanos() >= lease.toNanos() / 2
                && faults.stream()
                        .filter(fault -> fault.kind() == Fault.Kind.KILLED && fault.touches(still.worker()))
                        .anyMatch(killed -> killed.fromNanos() >= still.fromNanos()
                                && killed.fromNanos() <= still.toNanos() + TO_LOOK.toNanos());
    }

    private List<Long> lapsesOf(Run run) {
        return lapses.stream()
                .filter(event -> event.worker().equals(run.worker))
                .map(event -> event.nanos() / 1_000_000)
                .toList();
    }

    private boolean lapsedAfter(Run run, Fault fault) {
        return lapses.stream()
                .anyMatch(event -> event.worker().equals(run.worker)
                        && event.nanos() >= run.startNanos - HANDOVER.toNanos()
                        && fault.explainsLapse(event.nanos(), lease));
    }

    private Fault reason(Event lapse) {
        return faults.stream()
                .filter(fault -> fault.touches(lapse.worker()) && fault.explainsLapse(lapse.nanos(), lease))
                .findFirst()
                .orElse(null);
    }

    /** Who lost its life may have had successes recorded that it was never told of; nobody is told of one twice. */
    List<String> faultsInSuccesses(long least, long most) {
        long told = count(Kind.SUCCEEDED);
        Set<String> lost = new HashSet<>();
        lapses.forEach(event -> lost.add(event.worker()));
        faults.stream().filter(fault -> fault.kind().endsLife()).forEach(fault -> lost.add(fault.worker()));
        long untold = runs.values().stream()
                .filter(list -> list.stream().anyMatch(run -> run.said == Kind.DONE && lost.contains(run.worker)))
                .count();
        return told > most || told < least - untold
                ? List.of("of " + least + " to " + most + " successes the workers were told of " + told
                        + ", and at most " + untold + " answers were lost")
                : List.of();
    }

    /** One run of one task, from its start to its end if it had one. */
    private static final class Run {
        private final String worker;
        private final long fence;
        private final long startNanos;
        private long endNanos = Long.MAX_VALUE;
        private @Nullable Kind said;
        private boolean cancelled;

        private Run(Event start) {
            worker = start.worker();
            fence = start.fence();
            startNanos = start.nanos();
        }

        private void end(Event event) {
            endNanos = Math.min(endNanos, event.nanos());
            if (event.kind() == Kind.CANCELLED) {
                cancelled = true;
            } else {
                said = event.kind();
            }
        }

        private boolean asksForAnother() {
            return said == Kind.RETRIED || said == Kind.FAILED || said == Kind.SNOOZED || said == Kind.GIVEN_UP;
        }

        @Override
        public String toString() {
            String end = endNanos == Long.MAX_VALUE
                    ? "never ended"
                    : (said == null ? "cancelled" : said) + " at " + ms(endNanos);
            return worker + "#" + fence + " (from " + ms(startNanos) + " ms, " + end + ")";
        }

        private static long ms(long nanos) {
            return nanos / 1_000_000;
        }
    }
}
