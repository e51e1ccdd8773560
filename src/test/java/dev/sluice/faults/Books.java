package dev.sluice.faults;

import dev.sluice.task.TaskState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What Redis itself wrote down of one run: every write in the order in which it happened, read again from the append-only
 * file, with the effects of a script as the one step that they were.
 *
 * <p>What must hold after each step: a task is in exactly one place, and its status says which; a request to stop stands
 * for a running task only. What must hold of each change of a status: it is a legal move, none is claimed while the queue
 * is paused, fencing numbers grow, one offer makes one task at most, and none is made of an id whose result is kept. Results
 * are kept in the step that ends their task. A crash counts for a task that is taken from who held it, and for no other. For queues that only Sluice's own client fills.
 */
final class Books {
    private static final String QUEUE = "q";
    private static final String OWN = "{" + QUEUE + "}:";
    private static final String CLAIMED = OWN + "claimed:";
    private static final String RESULT = OWN + "result:";
    private static final Set<String> LISTS = Set.of(QUEUE, OWN + "ready", OWN + "suspects");
    private static final Set<String> WITHOUT_TASKS = Set.of("SELECT", "PUBLISH", "SCRIPT", "MULTI", "EXEC");

    private final Map<String, Deque<String>> lists = new HashMap<>();
    private final Map<String, List<String>> copies = new HashMap<>();
    private final Map<String, Map<String, String>> hashes = new HashMap<>();
    private final Map<String, Integer> claims = new HashMap<>();
    private final Map<String, String> holders = new HashMap<>();

    private final Map<String, Life> current = new HashMap<>();
    private final Map<String, Life> lives = new LinkedHashMap<>();
    private final List<String> wrong = new ArrayList<>();

    private final Set<String> touched = new LinkedHashSet<>();
    private final List<Change> changes = new ArrayList<>();
    private final Set<String> stopped = new HashSet<>();
    private final Set<String> released = new LinkedHashSet<>();
    private final List<Crash> undated = new ArrayList<>();
    private long seenMs;
    private final Map<String, String> results = new HashMap<>();

    private Books() {}

    /** One change of a status, inside a step of Redis. */
    private record Change(
            String id, @Nullable String from, @Nullable String to) {}

    /**
     * One change of the status of a task.
     *
     * @param to the word after it; null if there is none any more
     * @param fence the fencing number of the latest claim; 0 before the first
     * @param stopped whether a request to stop it was taken away with it
     * @param detail the failure of a dead letter, the result that was kept of one that ended well; else empty
     */
    record Move(String from, @Nullable String to, long fence, boolean stopped, String detail) {
        @Override
        public String toString() {
            return from + ">" + to + "#" + fence;
        }
    }

    /** That Redis took a task from an incarnation and counted that as a crash of its dispatcher. */
    static final class Crash {
        private final String incarnation;
        private final long fence;
        private final long count;
        private final long afterMs;
        private long beforeMs = Long.MAX_VALUE;

        private Crash(String incarnation, long fence, long count, long afterMs) {
            this.incarnation = incarnation;
            this.fence = fence;
            this.count = count;
            this.afterMs = afterMs;
        }

        String incarnation() {
            return incarnation;
        }

        /** The number of the claim under which the task was held. */
        long fence() {
            return fence;
        }

        /** The last sign of life of any dispatcher before it, in ms of Redis' clock: it was then or later. */
        long afterMs() {
            return afterMs;
        }

        /** The first sign of life of any dispatcher after it: it was then or earlier. */
        long beforeMs() {
            return beforeMs;
        }

        @Override
        public String toString() {
            return "crash " + count + " of claim " + fence + " by " + incarnation + " between " + afterMs + " and "
                    + beforeMs;
        }
    }

    /**
     * One claim of a task.
     *
     * @param incarnation who made it
     * @param crashes how many had died by then while they held the task, as its frame said
     */
    record Claim(String incarnation, long crashes) {}

    /** What one offer of a task became. */
    static final class Life {
        private final String id;
        private final String name;
        private final boolean keepsResult;
        private final List<Move> moves = new ArrayList<>();
        private final Map<Long, Long> dues = new HashMap<>();
        private final Map<Long, Claim> claims = new LinkedHashMap<>();
        private final List<Crash> crashes = new ArrayList<>();
        private long fence;
        private long due;

        private Life(String id, String name, boolean keepsResult) {
            this.id = id;
            this.name = name;
            this.keepsResult = keepsResult;
        }

        String id() {
            return id;
        }

        String name() {
            return name;
        }

        List<Move> moves() {
            return moves;
        }

        /** All claims, by their fencing numbers. */
        Map<Long, Claim> claims() {
            return claims;
        }

        List<Crash> crashes() {
            return crashes;
        }

        boolean crashedAt(long number) {
            return crashes.stream().anyMatch(crash -> crash.fence == number);
        }

        /** Whether it asks that its result be kept, for longer than all this takes. */
        boolean keepsResult() {
            return keepsResult;
        }

        boolean wasClaimed(long number) {
            return dues.containsKey(number);
        }

        /** Before when, in ms of Redis' clock, the run with this number must not begin. */
        long due(long number) {
            return dues.getOrDefault(number, 0L);
        }

        /** How it went away; null if it did not. */
        @Nullable
        Move end() {
            Move last = moves.isEmpty() ? null : moves.get(moves.size() - 1);
            return last == null || last.to() != null ? null : last;
        }

        @Override
        public String toString() {
            return name + " " + moves;
        }
    }

    /** Reads the append-only file of a server of either version. */
    static Books read(Path folder) {
        return read(folder, Integer.MAX_VALUE);
    }

    /** The same, of its beginning. */
    static Books read(Path folder, int bytes) {
        try {
            Books books = new Books();
            String text = text(file(folder));
            books.replay(text.substring(0, Math.min(text.length(), bytes)));
            return books;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** From 7.0 on in two parts, of which a list names the second as the one that is appended to. */
    static Path file(Path folder) throws IOException {
        Path parts = folder.resolve("appendonlydir");
        if (!Files.exists(parts)) {
            return folder.resolve("appendonly.aof");
        }
        List<String> appended = Files.readAllLines(parts.resolve("appendonly.aof.manifest")).stream()
                .filter(line -> line.endsWith(" type i"))
                .map(line -> line.split(" ", -1)[1])
                .toList();
        if (appended.size() != 1) {
            throw new IllegalStateException("one part should be appended to: " + appended);
        }
        return parts.resolve(appended.get(0));
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    }

    Collection<Life> lives() {
        return lives.values();
    }

    /** What was wrong at some step, in words, with its position in the file. */
    List<String> wrong() {
        return wrong;
    }

    /**
     * Does before a restart what {@code redis-check-aof --fix} does, and what whoever runs Redis has to do: takes the begin of a
     * step that a kill cut away. The server itself executes nothing of it, but leaves its whole commands in the file and
     * executes those when it is started a second time, when they are in nobody's order.
     */
    static void repair(Path folder) {
        try {
            Path file = file(folder);
            String text = text(file);
            int whole = new Books().replay(text);
            if (whole < text.length()) {
                Files.write(file, text.substring(0, whole).getBytes(StandardCharsets.ISO_8859_1));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A step of several commands.
     *
     * @param from where it begins in the file
     * @param commands verb and key of each
     */
    record Step(int from, int to, List<String> commands) {}

    /** The steps in the file that a kill can cut. */
    static List<Step> steps(Path file) throws IOException {
        String text = text(file);
        List<Step> steps = new ArrayList<>();
        List<String> commands = new ArrayList<>();
        int begin = 0;
        int at = 0;
        while (at < text.length()) {
            List<String> words = new ArrayList<>();
            int next = command(text, at, words);
            if (next < 0) {
                break; // the server was killed meanwhile
            }
            switch (words.get(0)) {
                case "MULTI" -> {
                    begin = at;
                    commands.clear();
                }
                case "EXEC" -> steps.add(new Step(begin, next, List.copyOf(commands)));
                default -> commands.add(words.get(0) + " " + words.get(1));
            }
            at = next;
        }
        return steps;
    }

    /** Applies all whole steps; returns where they end. */
    private int replay(String text) {
        List<Runnable> transaction = new ArrayList<>();
        boolean open = false;
        int at = 0;
        int whole = 0;
        while (at < text.length()) {
            List<String> words = new ArrayList<>();
            int next = command(text, at, words);
            if (next < 0) {
                break; // it is being written, or was when the server was killed
            }
            String verb = words.get(0).toUpperCase(java.util.Locale.ROOT);
            int from = at;
            if (verb.equals("MULTI")) {
                open = true;
            } else if (verb.equals("EXEC")) {
                transaction.forEach(Runnable::run);
                transaction.clear();
                open = false;
                look(at);
            } else if (open) {
                transaction.add(() -> apply(verb, words, from));
            } else {
                apply(verb, words, at);
                look(at);
            }
            at = next;
            whole = open ? whole : at;
        }
        return whole;
    }

    /** Reads one command from there; returns where the next begins, or -1 if it is not whole. */
    private static int command(String text, int from, List<String> words) {
        int end = text.indexOf("\r\n", from);
        if (end < 0) {
            return -1;
        }
        int count = Integer.parseInt(text, from + 1, end, 10);
        int at = end + 2;
        for (int i = 0; i < count; i++) {
            end = text.indexOf("\r\n", at);
            if (end < 0) {
                return -1;
            }
            int length = Integer.parseInt(text, at + 1, end, 10);
            at = end + 2 + length + 2;
            if (at > text.length()) {
                return -1;
            }
            words.add(text.substring(end + 2, end + 2 + length));
        }
        return at;
    }

    private void apply(String verb, List<String> words, int at) {
        if (WITHOUT_TASKS.contains(verb)) {
            return;
        }
        String key = words.get(1);
        List<String> rest = words.subList(2, words.size());
        switch (verb) {
            case "RPUSH", "LPUSH" -> rest.forEach(element -> push(key, element, verb.equals("LPUSH")));
            case "LPOP" -> pop(key, rest.isEmpty() ? 1 : Integer.parseInt(rest.get(0)));
            case "LTRIM" -> pop(key, Integer.parseInt(rest.get(0)));
            case "LMOVE" -> push(rest.get(0), pop(key, 1), false);
            case "HSET", "HMSET" -> pairs(rest, (field, value) -> set(key, field, value, at));
            case "ZADD" ->
                pairs(
                        rest.stream()
                                .filter(word -> !word.equals("XX") && !word.equals("NX"))
                                .toList(),
                        (score, member) -> set(key, member, score, at));
            case "HINCRBY" -> {
                return; // counters
            }
            case "SADD" -> rest.forEach(member -> set(key, member, "", at));
            case "HDEL", "ZREM", "SREM" -> rest.forEach(field -> remove(key, field));
            case "SET" -> {
                if (key.startsWith(RESULT)) {
                    results.put(key.substring(RESULT.length()), rest.get(0));
                }
            }
            case "ZREMRANGEBYRANK" -> {
                return; // late statuses, of which there are none
            }
            case "DEL", "UNLINK" -> words.subList(1, words.size()).forEach(this::delete);
            default -> wrong.add(at + ": nobody knows what " + verb + " does to " + key);
        }
    }

    private static void pairs(List<String> words, java.util.function.BiConsumer<String, String> each) {
        for (int i = 0; i + 1 < words.size(); i += 2) {
            each.accept(words.get(i), words.get(i + 1));
        }
    }

    private void push(String key, String element, boolean atHead) {
        Deque<String> list = lists.computeIfAbsent(key, any -> new ArrayDeque<>());
        if (atHead) {
            list.addFirst(element);
        } else {
            list.addLast(element);
        }
        if (LISTS.contains(key)) {
            String id = idOf(element);
            copies.computeIfAbsent(id, any -> new ArrayList<>()).add(element);
            touched.add(id);
        }
    }

    /** Takes that many from the head; returns the last of them. */
    private String pop(String key, int count) {
        Deque<String> list = lists.computeIfAbsent(key, any -> new ArrayDeque<>());
        String element = "";
        for (int i = 0; i < count && !list.isEmpty(); i++) {
            element = list.removeFirst();
            if (LISTS.contains(key)) {
                String id = idOf(element);
                copies.getOrDefault(id, new ArrayList<>()).remove(element);
                touched.add(id);
            }
        }
        return element;
    }

    private Map<String, String> hash(String key) {
        return hashes.computeIfAbsent(key, any -> new HashMap<>());
    }

    private void set(String key, String field, String value, int at) {
        String before = hash(key).put(field, value);
        if (key.startsWith(CLAIMED) && !field.equals("last")) {
            claims.merge(value, 1, Integer::sum);
            holders.put(value, key.substring(CLAIMED.length()));
            touched.add(value);
            if (hash(OWN + "meta").containsKey("paused")) {
                wrong.add(at + ": " + value + " was claimed while the queue was paused");
            }
        } else if (key.equals(OWN + "status")) {
            changes.add(new Change(field, before, value));
            touched.add(field);
        } else if (isOfTasks(key)) {
            touched.add(field);
        } else if (key.equals(OWN + "meta") && field.equals("seen")) {
            seen(Long.parseLong(value));
        }
    }

    private void seen(long ms) {
        seenMs = ms;
        undated.forEach(crash -> crash.beforeMs = ms);
        undated.clear();
    }

    private void remove(String key, String field) {
        String before = hash(key).remove(field);
        if (before == null) {
            return;
        }
        if (key.startsWith(CLAIMED)) {
            release(before);
        } else if (key.equals(OWN + "status")) {
            changes.add(new Change(field, before, null));
            touched.add(field);
        } else if (isOfTasks(key)) {
            touched.add(field);
            if (key.equals(OWN + "cancelling")) {
                stopped.add(field);
            }
        }
    }

    private void delete(String key) {
        Map<String, String> gone = hash(key);
        if (key.startsWith(CLAIMED)) {
            gone.forEach((token, id) -> {
                if (!token.equals("last")) {
                    release(id);
                }
            });
        }
        hashes.remove(key);
        lists.remove(key);
    }

    private void release(String id) {
        claims.computeIfPresent(id, (any, count) -> count == 1 ? null : count - 1);
        touched.add(id);
        released.add(id);
    }

    private static boolean isOfTasks(String key) {
        return key.equals(OWN + "bodies")
                || key.equals(OWN + "delayed")
                || key.equals(OWN + "dead")
                || key.equals(OWN + "dead:bodies")
                || key.equals(OWN + "cancelling")
                || key.equals(OWN + "progress")
                || key.equals(OWN + "cancelled");
    }

    // ---- what must hold after a step

    private void look(int at) {
        changes.forEach(change -> move(change, at));
        touched.forEach(id -> place(id, at));
        released.forEach(id -> countCrashes(id, at));
        results.keySet().forEach(id -> wrong.add(at + ": a result was kept of " + id + ", which did not end"));
        results.clear();
        changes.clear();
        touched.clear();
        stopped.clear();
        released.clear();
    }

    /** A task was taken from its holder, who settled it, gave it back or is held to be dead. */
    private void countCrashes(String id, int at) {
        Life life = current.get(id);
        Claim claim = life == null ? null : life.claims.get(life.fence);
        String frame = hash(OWN + "status").containsKey(id) ? frameOrRecord(id) : null;
        if (life == null || claim == null || frame == null) {
            return; // it has ended
        }
        long count = counter(frame, 1);
        if (count > claim.crashes() + 1 || count < claim.crashes()) {
            wrong.add(at + ": " + life + " had crashed " + claim.crashes() + " dispatchers, and then " + count);
        } else if (count > claim.crashes()) {
            Crash crash = new Crash(claim.incarnation(), life.fence, count, seenMs);
            life.crashes.add(crash);
            undated.add(crash);
        }
    }

    private @Nullable String frameOrRecord(String id) {
        String record = hash(OWN + "dead:bodies").get(id);
        return record == null ? frame(id) : record.substring(record.indexOf('\n') + 1);
    }

    private void move(Change change, int at) {
        String id = change.id();
        TaskState from = TaskState.ofWord(change.from());
        TaskState to = TaskState.ofWord(change.to());
        if (from == null && to == null) {
            return;
        }
        boolean isBirth =
                (from == null || from == TaskState.DEAD) && (to == TaskState.QUEUED || to == TaskState.SCHEDULED);
        if (!isBirth && (from == null || !isLegal(from, to))) {
            wrong.add(at + ": " + id + " went from " + change.from() + " to " + change.to());
        }
        if (isBirth) {
            be(id, change, at);
        }
        Life life = current.get(id);
        if (life == null) {
            return; // it was not born, which is wrong already
        }
        if (to == TaskState.PROCESSING) {
            claim(life, at);
        }
        String detail = detail(id, to);
        life.moves.add(new Move(
                change.from() == null ? "" : change.from(), change.to(), life.fence, stopped.contains(id), detail));
        if (to == TaskState.SCHEDULED || to == TaskState.RETRYING) {
            String due = hash(OWN + "delayed").get(id);
            life.due = due == null ? life.due : (long) Double.parseDouble(due);
        }
    }

    private String detail(String id, @Nullable TaskState to) {
        String result = to == null ? results.remove(id) : null;
        if (result != null) {
            return result;
        }
        return to == TaskState.DEAD ? hash(OWN + "dead:bodies").getOrDefault(id, "") : "";
    }

    /** A status goes when the task has ended well, was not worth doing, or was cancelled. */
    private static boolean isLegal(TaskState from, @Nullable TaskState to) {
        return to == null ? from.canBecome(TaskState.CANCELLED) : from.canBecome(to);
    }

    private void be(String id, Change change, int at) {
        String frame = frame(id);
        String name = id + (frame == null ? "" : offerOf(frame));
        Life old = current.get(id);
        if (old != null && old.name.equals(name) && "dead".equals(change.from())) {
            return; // redriven
        }
        Move end = old == null ? null : old.end();
        if (end != null && !end.detail().isEmpty()) {
            wrong.add(at + ": " + name + " was made though the result of " + old + " is kept");
        }
        Life life = new Life(id, name, frame != null && frame.contains("\"keepResultMs\""));
        if (lives.putIfAbsent(name, life) != null) {
            wrong.add(at + ": one offer made two tasks: " + lives.get(name));
        }
        current.put(id, life);
    }

    private void claim(Life life, int at) {
        String frame = hash(OWN + "bodies").get(life.id);
        long number = frame == null ? 0 : claimsOf(frame) + 1;
        if (number <= life.fence) {
            wrong.add(at + ": the fencing number of " + life + " did not grow: " + number);
        }
        life.fence = number;
        life.dues.put(number, life.due);
        life.claims.put(number, new Claim(holders.getOrDefault(life.id, ""), frame == null ? 0 : counter(frame, 1)));
        life.due = 0;
    }

    private @Nullable String frame(String id) {
        List<String> listed = copies.getOrDefault(id, List.of());
        String body = hash(OWN + "bodies").get(id);
        return body != null || listed.isEmpty() ? body : listed.get(listed.size() - 1);
    }

    private void place(String id, int at) {
        String word = hash(OWN + "status").get(id);
        int waiting = waiting(id);
        boolean body = hash(OWN + "bodies").containsKey(id);
        boolean delayed = hash(OWN + "delayed").containsKey(id);
        boolean dead = hash(OWN + "dead").containsKey(id);
        boolean record = hash(OWN + "dead:bodies").containsKey(id);
        int claimed = claims.getOrDefault(id, 0);
        String is = waiting + " waiting, " + claimed + " claimed" + (body ? ", body" : "")
                + (delayed ? ", delayed" : "") + (dead ? ", dead" : "") + (record ? ", record" : "");
        String must = switch (word == null ? "" : word) {
            case "queued" -> "1 waiting, 0 claimed";
            case "processing" -> "0 waiting, 1 claimed, body";
            case "scheduled", "retrying" -> "0 waiting, 0 claimed, body, delayed";
            case "dead" -> "0 waiting, 0 claimed, dead, record";
            default -> "0 waiting, 0 claimed";
        };
        if (!is.equals(must)) {
            wrong.add(at + ": " + id + " is '" + word + "', but: " + is);
        }
        if (hash(OWN + "cancelling").containsKey(id) && !"processing".equals(word)) {
            wrong.add(at + ": " + id + " is '" + word + "' and to be stopped");
        }
        if (hash(OWN + "progress").containsKey(id) && !"processing".equals(word)) {
            wrong.add(at + ": " + id + " is '" + word + "' and somebody says how far it is");
        }
    }

    /** Its elements in lists, but for those that a claim will drop. */
    private int waiting(String id) {
        List<String> listed = copies.getOrDefault(id, List.of());
        String mark = hash(OWN + "cancelled").get(id);
        if (mark == null || listed.isEmpty()) {
            return listed.size();
        }
        long epoch = Long.parseLong(mark, 0, mark.indexOf(','), 10);
        return (int) listed.stream().filter(frame -> counter(frame, 3) >= epoch).count();
    }

    // ---- frames

    private static String idOf(String frame) {
        int from = frame.indexOf(' ') + 1;
        int to = from;
        while (frame.charAt(to) != '\n' && frame.charAt(to) != 2) {
            to++;
        }
        return frame.substring(from, to);
    }

    private static long claimsOf(String frame) {
        return counter(frame, 2);
    }

    private static long counter(String frame, int place) {
        String[] counters = frame.substring(2, frame.indexOf(' ')).split(",", -1);
        return counters.length > place ? Long.parseLong(counters[place]) : 0;
    }

    /** The number of the offer, with which each payload ends: {@code @1}. */
    private static String offerOf(String frame) {
        int from = frame.lastIndexOf('@');
        int to = from + 1;
        while (from >= 0 && Character.isDigit(frame.charAt(to))) {
            to++;
        }
        return from < 0 ? "" : frame.substring(from, to);
    }
}
