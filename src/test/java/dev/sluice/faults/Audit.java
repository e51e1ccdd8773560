package dev.sluice.faults;

import dev.sluice.faults.Books.Crash;
import dev.sluice.faults.Books.Life;
import dev.sluice.faults.Books.Move;
import dev.sluice.faults.Event.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What Redis wrote down, what the workers wrote down and what was answered outside, held against each other.
 *
 * <p>What must hold: every accepted task became something and ended once, by what its handler said, by a cancellation, or by
 * killing too many workers; every change of a status was asked for by the run that held it; who was answered that a waiting
 * task is cancelled was told the truth, and nobody else's task went away; what was to be stopped did not go on to another
 * run; a task counts as one that killed its worker only where others
 * had to hold that one for dead, and each run was told how often that was; no run began without a claim, or before its time; what is kept as a result is what the run emitted that ended it.
 */
final class Audit {
    private static final long CLOCK_READING_MS = 2;

    private final Books books;
    private final History history;
    private final Operator operator;
    private final long clockMs;
    private final Map<String, Life> lives = new HashMap<>();

    /** @param clockMs what Redis' clock shows, in ms, when this machine's monotonic clock shows 0 */
    Audit(Books books, History history, Operator operator, long clockMs) {
        this.books = books;
        this.history = history;
        this.operator = operator;
        this.clockMs = clockMs;
        books.lives().forEach(life -> lives.put(life.name(), life));
    }

    List<String> faultsFound(Set<String> accepted) {
        List<String> wrong = new ArrayList<>(books.wrong());
        lost(accepted).forEach(id -> wrong.add("lost: " + id + " " + of(id)));
        lives.values()
                .forEach(life -> life.moves().forEach(move -> {
                    if (move.to() == null && !isResult(life, move, move.detail())) {
                        wrong.add("the result of " + life + " is '" + move.detail() + "'");
                    }
                    if (!isAskedFor(life, move)) {
                        wrong.add("nobody asked for " + move + " of " + life + "; its run said "
                                + history.said(life.name(), move.fence()));
                    }
                }));
        compareCrashes(wrong);
        history.forEachRun((name, fence, startNanos) -> compare(name, fence, clockMs + startNanos / 1_000_000, wrong));
        accepted.forEach(id -> compareCancellations(id, wrong));
        wrong.addAll(history.faultsInRuns(lives.keySet(), namesOf(operator.stopping())));
        wrong.addAll(history.faultsInSuccesses(successes(false), successes(true)));
        return wrong;
    }

    /** The accepted tasks that never became anything, or are neither waiting for something nor ended. */
    Set<String> lost(Set<String> accepted) {
        Set<String> lost = new HashSet<>(accepted);
        lives.values().stream().filter(life -> life.end() != null).forEach(life -> lost.remove(life.id()));
        return lost;
    }

    /** How many changes of a status were looked at. */
    int moves() {
        return lives.values().stream().mapToInt(life -> life.moves().size()).sum();
    }

    /** How many crashes were counted, each against one task. */
    int crashes() {
        return lives.values().stream().mapToInt(life -> life.crashes().size()).sum();
    }

    private List<Life> of(String id) {
        return lives.values().stream().filter(life -> life.id().equals(id)).toList();
    }

    private Set<String> namesOf(Set<String> ids) {
        return lives.values().stream()
                .filter(life -> ids.contains(life.id()))
                .map(Life::name)
                .collect(Collectors.toSet());
    }

    private boolean isAskedFor(Life life, Move move) {
        if (!move.from().equals("processing")) {
            return true;
        }
        Kind said = history.said(life.name(), move.fence());
        String to = move.to() == null ? "" : move.to();
        if (move.stopped() && !to.isEmpty() && !to.equals("dead")) {
            return false;
        }
        return switch (to) {
            case "" -> move.stopped() || said == Kind.DONE || said == Kind.DISCARDED;
            case "retrying" -> said == Kind.RETRIED || said == Kind.FAILED;
            case "scheduled" -> said == Kind.SNOOZED;
            case "dead" -> isDeath(said) || (move.detail().contains("\"crash-limit\"") && life.crashedAt(move.fence()));
            default -> true; // given back: whether there was a fault that explains it is seen by its next run
        };
    }

    /** Whether this is what is kept of a task that went away so: what the run that ended it emitted, if that was asked for. */
    private boolean isResult(Life life, Move end, String result) {
        Kind said = end.from().equals("processing") ? history.said(life.name(), end.fence()) : null;
        boolean isKept = life.keepsResult() && (said == Kind.DONE || said == Kind.DISCARDED);
        if (!isKept || (end.stopped() && result.isEmpty())) { // who was cancelled in that moment has none
            return result.isEmpty();
        }
        String word = said == Kind.DONE ? "succeeded" : "discarded";
        String value = said == Kind.DONE ? "\n\"" + Journal.valueOf(life.name(), end.fence()) + "\"" : "}";
        return result.startsWith("{\"state\":\"" + word + "\"") && result.endsWith(value);
    }

    private static boolean isDeath(@Nullable Kind said) {
        return said == Kind.GIVEN_UP || said == Kind.FAILED || said == Kind.RETRIED;
    }

    private void compare(String name, long fence, long startMs, List<String> wrong) {
        Life life = lives.get(name);
        if (life == null || !life.wasClaimed(fence)) {
            wrong.add("a run without a claim: " + name + "#" + fence + " of " + life);
        } else if (startMs + CLOCK_READING_MS < life.due(fence)) {
            wrong.add(name + "#" + fence + " began " + (life.due(fence) - startMs) + " ms before its time");
        }
    }

    private void compareCrashes(List<String> wrong) {
        Map<String, String> workers = workersOfIncarnations();
        Map<String, Long> told = history.told();
        for (Life life : lives.values()) {
            life.claims().forEach((fence, claim) -> {
                Long heard = told.get(Journal.valueOf(life.name(), fence));
                if (heard != null && heard != claim.crashes()) {
                    wrong.add(
                            life.name() + "#" + fence + " was told of " + heard + " crashes, and Redis says " + claim);
                }
            });
            for (Crash crash : life.crashes()) {
                String worker = workers.get(crash.incarnation());
                if (!history.explainsCrash(worker, nanos(crash.afterMs()), nanos(crash.beforeMs()))) {
                    wrong.add("nobody killed " + worker + ": " + crash + " of " + life + ", from "
                            + nanos(crash.afterMs()) / 1_000_000 + " to " + nanos(crash.beforeMs()) / 1_000_000
                            + " ms");
                }
            }
        }
    }

    /** An incarnation of which nothing ever ran is missing. */
    private Map<String, String> workersOfIncarnations() {
        Map<String, String> workers = new HashMap<>();
        lives.values()
                .forEach(life -> life.claims().forEach((fence, claim) -> {
                    String worker = history.workerOf(life.name(), fence);
                    if (worker != null) {
                        workers.put(claim.incarnation(), worker);
                    }
                }));
        return workers;
    }

    private long nanos(long redisMs) {
        return redisMs == Long.MAX_VALUE ? Long.MAX_VALUE : (redisMs - clockMs) * 1_000_000;
    }

    private void compareCancellations(String id, List<String> wrong) {
        long gone = of(id).stream()
                .map(Life::end)
                .filter(end -> end != null && !end.from().equals("processing"))
                .count();
        int answered = operator.cancelled(id);
        if (gone < answered || gone > answered + operator.doubtful(id)) {
            wrong.add(id + " was cancelled " + answered + " times before it ran, and perhaps " + operator.doubtful(id)
                    + " times more, but: " + of(id));
        }
    }

    /** How many tasks ended because a run said that it is done; some of them may have been cancelled in that moment. */
    private long successes(boolean orCancelled) {
        return lives.values().stream()
                .filter(life -> {
                    Move end = life.end();
                    return end != null
                            && (orCancelled || !end.stopped())
                            && history.said(life.name(), end.fence()) == Kind.DONE;
                })
                .count();
    }
}
