package dev.sluice.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Visits every state that can be reached, the nearest first, so that the first that is wrong has the shortest story. Then
 * it goes backward from the good last states over fair steps only: what is not met there is stuck, for there is no way
 * out that does not need another fault.
 */
final class Search {
    private final Scope scope;
    private final Mutant mutant;
    private final Moves moves;
    private final Invariants invariants;
    private final StateStore store;
    private int[] parents = new int[1 << 16];
    private long[] firstEdge = new long[1 << 16]; // of the state with this number
    private final List<int[]> edges = new ArrayList<>(); // fair steps only, in the order of the states they lead from
    private long edgeCount;
    private long steps;
    private int at;
    private String wrong;
    private int wrongFrom = -1;
    private byte[] wrongTo;

    private Search(Scope scope, Mutant mutant) {
        this.scope = scope;
        this.mutant = mutant;
        this.moves = new Moves(scope, mutant, this::visit);
        this.invariants = new Invariants(scope, mutant);
        this.store = new StateStore(new State(scope).size());
    }

    /**
     * What a search found.
     *
     * @param violation a story of how a promise is broken, one step a line; null if none is
     */
    record Result(int states, long steps, long good, long millis, String violation) {}

    static Result of(Scope scope, Mutant mutant, int most) {
        return new Search(scope, mutant).run(most);
    }

    private Result run(int most) {
        long began = System.nanoTime();
        State first = moves.first();
        store.add(canonical(first).bytes);
        for (at = 0; at < store.count() && wrong == null; at++) {
            if (store.count() > most) {
                throw new IllegalStateException("more than " + most + " states: the scope is too large");
            }
            room();
            firstEdge[at] = edgeCount;
            moves.from(first.of(store.get(at)));
        }
        String violation = wrong == null ? null : story(wrongFrom, wrongTo);
        long good = 0;
        if (wrong == null) {
            room();
            firstEdge[at] = edgeCount;
            Backward backward = new Backward();
            good = backward.good;
            violation = backward.stuck < 0 ? null : stuck(backward.stuck);
        }
        return new Result(store.count(), steps, good, (System.nanoTime() - began) / 1_000_000, violation);
    }

    private void visit(State after, boolean fair, String broken, Story story) {
        if (wrong != null) {
            return;
        }
        steps++;
        State canonical = canonical(after);
        int before = store.count();
        int number = store.add(canonical.bytes);
        String breaks = broken;
        if (number == before) {
            if (number == parents.length) {
                parents = Arrays.copyOf(parents, 2 * number);
            }
            parents[number] = at;
            breaks = breaks == null ? invariants.broken(canonical) : breaks;
        }
        if (breaks != null) {
            wrong = breaks;
            wrongFrom = at;
            wrongTo = canonical.bytes;
        } else if (fair && number != at) {
            edge(number);
        }
    }

    private State canonical(State state) {
        return state.canonical(mutant != Mutant.SERVER_TOKENS);
    }

    private void room() {
        if (at + 1 >= firstEdge.length) {
            firstEdge = Arrays.copyOf(firstEdge, 2 * firstEdge.length);
        }
    }

    private void edge(int to) {
        if (edgeCount >> 20 == edges.size()) {
            edges.add(new int[1 << 20]);
        }
        edges.get((int) (edgeCount >> 20))[(int) (edgeCount & 0xFFFFF)] = to;
        edgeCount++;
    }

    private int edge(long index) {
        return edges.get((int) (index >> 20))[(int) (index & 0xFFFFF)];
    }

    /** Which states have a fair way to a good last one. */
    private final class Backward {
        long good;
        int stuck = -1;

        Backward() {
            int count = store.count();
            int[] heads = new int[count + 1]; // the edges turned round: who leads to the state with this number
            for (long i = 0; i < edgeCount; i++) {
                heads[edge(i) + 1]++;
            }
            for (int i = 0; i < count; i++) {
                heads[i + 1] += heads[i];
            }
            int[] tails = new int[Math.toIntExact(edgeCount)];
            int[] next = Arrays.copyOf(heads, count);
            for (int from = 0; from < count; from++) {
                for (long i = firstEdge[from]; i < firstEdge[from + 1]; i++) {
                    tails[next[edge(i)]++] = from;
                }
            }
            boolean[] met = new boolean[count];
            int[] queue = new int[count];
            int end = 0;
            State any = new State(scope);
            for (int i = 0; i < count; i++) {
                if (Invariants.isGood(any.of(store.get(i)))) {
                    met[i] = true;
                    queue[end++] = i;
                }
            }
            good = end;
            for (int i = 0; i < end; i++) {
                for (int j = heads[queue[i]]; j < heads[queue[i] + 1]; j++) {
                    if (!met[tails[j]]) {
                        met[tails[j]] = true;
                        queue[end++] = tails[j];
                    }
                }
            }
            for (int i = 0; i < count && stuck < 0; i++) {
                stuck = met[i] ? -1 : i;
            }
        }
    }

    private String stuck(int number) {
        return number == 0
                ? "=> nothing ever ends\n"
                : story(parents[number], store.get(number))
                        + "=> stuck: without a further fault there is no way to an end of all tasks\n";
    }

    /** Walks the way once more, under the names that things had from the start. */
    private String story(int from, byte[] to) {
        List<byte[]> way = new ArrayList<>();
        for (int number = from; number != 0; number = parents[number]) {
            way.add(0, store.get(number));
        }
        way.add(to);
        StringBuilder story = new StringBuilder();
        State[] now = {moves.first()};
        String[] breaks = {null};
        for (int i = 0; i < way.size(); i++) {
            byte[] next = way.get(i);
            State[] found = {null};
            String[] told = {null};
            new Moves(scope, mutant, (after, fair, broken, what) -> {
                        if (found[0] == null && Arrays.equals(canonical(after).bytes, next)) {
                            found[0] = after;
                            told[0] = what.toString();
                            breaks[0] = broken == null ? invariants.broken(after) : broken;
                        }
                    })
                    .from(now[0]);
            story.append(String.format("%3d. %s%n", i + 1, told[0]));
            now[0] = found[0];
        }
        return story + (breaks[0] == null ? "" : "=> " + breaks[0] + "\n");
    }
}
