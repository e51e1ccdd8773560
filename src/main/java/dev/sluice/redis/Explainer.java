package dev.sluice.redis;

import dev.sluice.redis.Pages.Page;
import dev.sluice.redis.Pages.What;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Explanation;
import dev.sluice.task.Explanation.Place;
import dev.sluice.task.Explanation.Reason;
import dev.sluice.task.Queue;
import dev.sluice.task.TaskInfo;
import dev.sluice.task.TaskProgress;
import dev.sluice.task.TaskState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Says where a task is and why it does not run. Reads only; looks at a list from its head, and at claims, up to
 * {@value #MOST_LOOKED_AT} elements each.
 */
public final class Explainer {
    static final int MOST_LOOKED_AT = 10_000;
    private static final int LOOKS = 2; // a task may move on between two steps

    private final RedisLink link;
    private final QueueKeys keys;
    private final Pages pages;
    private final boolean leased;
    private final Duration deadline;

    Explainer(RedisLink link, Queue queue, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.pages = new Pages(link, keys, deadline);
        this.leased = queue.delivery() == DeliveryMode.AT_LEAST_ONCE;
        this.deadline = deadline;
    }

    /** Explains this id once. Cold; never empty. */
    public Mono<Explanation> explain(String id) {
        return Mono.defer(() -> explain(id, LOOKS));
    }

    /** What one instant tells of this id, without a look into a list; empty if it is neither alive nor a dead letter. */
    public Mono<TaskInfo> find(String id) {
        return Mono.defer(() -> known(id, "")).mapNotNull(Known::info);
    }

    private Mono<Explanation> explain(String id, int looks) {
        return known(id, "")
                .flatMap(known -> {
                    if (known.hasBody && known.isDelayed) {
                        return Mono.just(delayed(known));
                    } else if (known.hasBody) {
                        return claimed(known);
                    } else if (known.died && !"queued".equals(known.word)) {
                        return Mono.just(dead(known));
                    } else if (known.died) { // pushed again, or its producer's word came after its death
                        return listed(known)
                                .map(told -> told.place() == Place.GHOST
                                                || (known.isWatched && told.place() != Place.WAITING)
                                        ? dead(known)
                                        : told);
                    }
                    return listed(known);
                })
                .flatMap(told -> looks > 1 && told.place() == Place.GHOST ? explain(id, looks - 1) : Mono.just(told));
    }

    private Mono<Known> known(String id, String owner) {
        return link.run(
                        Script.EXPLAIN,
                        keys.all(),
                        args -> args.add(id.getBytes(StandardCharsets.UTF_8)).add(owner),
                        deadline)
                .map(reply -> new Known(id, reply));
    }

    // ---- not in a list

    private Explanation delayed(Known known) {
        boolean retry = "retrying".equals(known.word);
        List<Reason> why = known.common(leased);
        if (known.dueInMs > 0) {
            why.add(new Reason(
                    retry ? "retry-due" : "not-due",
                    (retry ? "Its attempt " + known.attempts + " failed; the next is due" : "It is due") + " in "
                            + time(known.dueInMs) + "."));
        } else {
            why.add(new Reason(
                    "next",
                    "It has been due for " + time(-known.dueInMs)
                            + "; the next round of a dispatcher puts it into its list."));
        }
        return known.at(Place.DELAYED, "It waits for its time in the delayed set.", why, true);
    }

    private static Explanation dead(Known known) {
        known.facts.put("attempts", known.attempts);
        known.facts.put("crashes", known.crashes);
        known.facts.put("diedMsAgo", known.diedMsAgo);
        if (!known.failure.isEmpty()) {
            known.facts.put("failure", known.failure);
        }
        return known.at(
                Place.DEAD,
                "It is a dead letter, since " + time(known.diedMsAgo) + ".",
                List.of(new Reason(
                        "dead",
                        known.failure.isEmpty()
                                ? "Its record is missing, so nothing says why."
                                : "It was given up: " + known.failure)),
                true);
    }

    private Mono<Explanation> claimed(Known known) {
        Count looked = new Count();
        return holder(known.id, looked)
                .flatMap(owner -> owned(known, owner))
                .switchIfEmpty(Mono.fromSupplier(() -> nobodys(known, looked.isBelow(MOST_LOOKED_AT))));
    }

    /** The dispatcher whose claimed hash names this id. */
    private Mono<String> holder(String task, Count looked) {
        byte[] id = task.getBytes(StandardCharsets.UTF_8);
        return pages.claimants()
                .flatMapIterable(all -> all)
                .concatMap(
                        one -> pages.claimed(one)
                                .takeWhile(page -> looked.isBelow(MOST_LOOKED_AT))
                                .doOnNext(page -> looked.add(page.rows.size()))
                                .filter(page -> page.rows.stream()
                                        .anyMatch(row -> Pages.latin(id).equals(row.id)))
                                .map(page -> one),
                        1)
                .next();
    }

    private Mono<Explanation> owned(Known before, String owner) {
        return known(before.id, owner).map(known -> {
            known.facts.put("dispatcher", owner);
            String where = "Dispatcher " + owner + " holds it; since when is not recorded.";
            if (!known.isMember) {
                return known.at(
                        Place.CLAIMED,
                        where,
                        List.of(new Reason(
                                "owner-gone",
                                "That dispatcher is no member any more: upkeep finds this at its start and hourly, and"
                                        + " 'doctor --repair' now.")),
                        true);
            }
            List<Reason> why = new ArrayList<>();
            if (known.leaseMs > 0) {
                known.facts.put("leaseMs", known.leaseMs);
                why.add(
                        known.isUnheard
                                ? new Reason(
                                        "owner-unheard",
                                        "That dispatcher has not been heard since all were silent: it renews its lease within "
                                                + time(known.leaseMs) + ", or the task is taken back.")
                                : new Reason(
                                        "running",
                                        "It runs, or is about to: the lease is good for " + time(known.leaseMs)
                                                + " and is renewed before that."));
                TaskProgress progress = known.progress;
                if (progress != null) {
                    why.add(new Reason(
                            "progress",
                            "Its handler said " + time(progress.ago().toMillis()) + " ago: " + progress.percent() + " %"
                                    + (progress.text().isEmpty() ? "." : ", " + progress.text() + ".")));
                }
                return known.at(Place.CLAIMED, where, why, true);
            }
            why.add(new Reason(
                    "owner-lapsed",
                    "The lease of that dispatcher is over: the next round of a living one takes the task back."));
            if (known.alive == 0) {
                why.add(new Reason("no-dispatcher", "But no dispatcher of this queue is alive: start one."));
            }
            return known.at(Place.CLAIMED, where, why, true);
        });
    }

    private static Explanation nobodys(Known known, boolean all) {
        return all
                ? known.at(
                        Place.GHOST,
                        "Its body is stored, but it is in no list, claim or delay.",
                        List.of(new Reason("stuck", "Nobody would run it: 'doctor --repair' puts it back.")),
                        true)
                : known.at(
                        Place.CLAIMED,
                        "A dispatcher holds it.",
                        List.of(new Reason(
                                "too-far", "By whom is not found among the first " + MOST_LOOKED_AT + " claims.")),
                        false);
    }

    // ---- in a list, or nowhere

    private Mono<Explanation> listed(Known known) {
        return position(What.SUSPECTS, known.id)
                .map(at -> suspect(known, at))
                .switchIfEmpty(position(What.READY, known.id).map(at -> waiting(known, at, "ready", known.ready)))
                .switchIfEmpty(position(What.PLAIN, known.id).map(at -> waiting(known, at, "plain", known.plain)))
                .switchIfEmpty(Mono.defer(
                        () -> !leased && "processing".equals(known.word) ? taken(known) : Mono.just(nowhere(known))));
    }

    /** Of an at-most-once queue: nothing is kept of it but who took it. */
    private Mono<Explanation> taken(Known before) {
        return holder(before.id, new Count())
                .flatMap(owner -> known(before.id, owner).map(known -> takenBy(known, owner)))
                .defaultIfEmpty(before.at(
                        Place.RUNNING_OR_LOST,
                        "It was taken out of its list.",
                        List.of(new Reason(
                                "at-most-once",
                                "No dispatcher of Sluice has it: it runs at another worker, or was lost with that.")),
                        true));
    }

    private static Explanation takenBy(Known known, String owner) {
        known.facts.put("dispatcher", owner);
        String where = "Dispatcher " + owner + " took it out of its list; since when is not recorded.";
        if (known.leaseMs > 0) {
            known.facts.put("leaseMs", known.leaseMs);
            Reason running = new Reason(
                    "running",
                    "It runs, or is about to: that dispatcher was heard, and has to be again within "
                            + time(known.leaseMs) + ".");
            return known.at(Place.CLAIMED, where, List.of(running), true);
        }
        Reason lapsed = new Reason(
                "owner-lapsed",
                "The lease of that dispatcher is over. If it died the task is lost, and the next round of a living one"
                        + " removes this status.");
        return known.at(Place.RUNNING_OR_LOST, where, List.of(lapsed), true);
    }

    /** How many elements are before this id in a list; empty if it is not among those that are looked at. */
    private Mono<Integer> position(What list, String id) {
        String latin = Pages.latin(id.getBytes(StandardCharsets.UTF_8));
        Count looked = new Count();
        return pages.fromHead(list)
                .takeWhile(page -> looked.isBelow(MOST_LOOKED_AT))
                .concatMap(page -> Flux.fromIterable(found(page, latin, looked)), 1)
                .next();
    }

    private static List<Integer> found(Page page, String id, Count looked) {
        for (int i = 0; i < page.rows.size(); i++) {
            if (id.equals(page.rows.get(i).id) && !page.rows.get(i).isDropped) {
                return List.of(looked.value + i);
            }
        }
        looked.add(page.rows.size());
        return List.of();
    }

    private Explanation suspect(Known known, int at) {
        List<Reason> why = known.common(leased);
        known.facts.put("list", "suspects");
        known.facts.put("ahead", at);
        why.add(new Reason(
                "suspects-apart",
                "Its dispatcher died " + known.crashes
                        + " times while it ran, so it waits apart: each dispatcher runs one of"
                        + " these at a time, and " + at + " are ahead."));
        return known.at(Place.SUSPECT, "It waits in the list of suspects.", why, true);
    }

    private Explanation waiting(Known known, int at, String list, long length) {
        List<Reason> why = known.common(leased);
        known.facts.put("list", list);
        known.facts.put("ahead", at);
        if (list.equals("plain") && known.ready > 0 && known.alive > 0) {
            why.add(new Reason(
                    "not-consumed",
                    "It was pushed by another client: dispatchers take from this list and from the ready list ("
                            + known.ready + " waiting) in turns, and only those that are set to take foreign tasks wait"
                            + " for it."));
        }
        why.add(
                at == 0
                        ? new Reason("next", "It is the next of its list.")
                        : new Reason("behind-others", "It waits behind about " + at + " others of " + length + "."));
        return known.at(
                Place.WAITING,
                "It waits in the " + (list.equals("plain") ? "plain list, as pushed." : "ready list."),
                why,
                true);
    }

    private Explanation nowhere(Known known) {
        boolean all =
                known.plain <= MOST_LOOKED_AT && known.ready <= MOST_LOOKED_AT && known.suspects <= MOST_LOOKED_AT;
        if (known.word == null && known.cancelled > 0) {
            return known.at(
                    Place.CANCELLED,
                    "It was cancelled while it waited in a list, and never runs.",
                    List.of(new Reason(
                            "cancelled",
                            "What lies in the list is dropped when a dispatcher comes upon it; its id is free.")),
                    all);
        }
        if (known.word == null && all) {
            return known.at(Place.UNKNOWN, "Nothing is known of it.", known.unheardOf(), true);
        }
        if (!all) {
            List<Reason> why = known.common(leased);
            why.add(new Reason(
                    "too-far",
                    "It is not among the first " + MOST_LOOKED_AT + " of each list: it waits behind them, or"
                            + " it has ended."));
            return known.at(Place.NOT_FOUND_YET, "It is not found yet.", why, false);
        }
        return known.at(
                Place.GHOST,
                "Only its status '" + known.word + "' is left.",
                List.of(new Reason(
                        "ghost",
                        known.isWatched
                                ? "Its producer wrote it after the task had ended: upkeep removes it within seconds."
                                : "The task is in no list, claim or delay: 'doctor --repair' removes the status.")),
                true);
    }

    private static String time(long ms) {
        if (ms < 10_000) {
            return ms + " ms";
        }
        return ms < 600_000 ? ms / 1000 + " s" : String.format(Locale.ROOT, "%.1f h", ms / 3_600_000.0);
    }

    /** How many elements were looked at. */
    private static final class Count {
        private int value;

        void add(int more) {
            value += more;
        }

        boolean isBelow(int limit) {
            return value < limit;
        }
    }

    /** What one instant tells. */
    private static final class Known {
        final String id;
        final @Nullable String word;
        final long attempts;
        final long crashes;
        final boolean hasBody;
        final boolean isDelayed;
        final long dueInMs;
        final boolean died;
        final long diedMsAgo;
        final String failure;
        final boolean isWatched;
        final boolean paused;
        final long alive;
        final long members;
        final long plain;
        final long ready;
        final long suspects;
        final boolean isMember;
        final long leaseMs;
        final boolean isUnheard;
        final long cancelled;
        final boolean draining;
        final @Nullable TaskProgress progress;
        final boolean waitsAgain;
        final Map<String, Object> facts = new LinkedHashMap<>();

        Known(String id, Reply reply) {
            this.id = id;
            this.word = reply.isNull(0) ? null : reply.text(0);
            this.attempts = reply.number(1);
            this.crashes = reply.number(2);
            this.hasBody = reply.number(3) == 1;
            this.isDelayed = !reply.isNull(4);
            this.dueInMs = isDelayed ? reply.number(4) : 0;
            this.died = !reply.isNull(5);
            this.diedMsAgo = died ? reply.number(5) : 0;
            this.failure = reply.isNull(6) ? "" : reply.text(6);
            this.isWatched = reply.number(7) == 1;
            this.paused = reply.number(8) == 1;
            this.alive = reply.number(9);
            this.members = reply.number(10);
            this.plain = reply.number(11);
            this.ready = reply.number(12);
            this.suspects = reply.number(13);
            this.isMember = !reply.isNull(14);
            this.leaseMs = isMember ? reply.number(14) : 0;
            this.cancelled = reply.number(15);
            this.draining = reply.number(16) == 1;
            this.isUnheard = reply.number(19) == 1;
            this.progress = reply.isNull(17) ? null : ProgressReport.read(reply.text(18), reply.number(17));
            if (word != null) {
                facts.put("status", word);
            }
            // Pushed by somebody who cannot be refused; where nothing waits its word is of a push that died since.
            this.waitsAgain = died && "queued".equals(word) && !isWatched && plain + ready + suspects > 0;
            if (hasBody) {
                facts.put("attempts", attempts);
                facts.put("crashes", crashes);
            }
            if (isDelayed) {
                facts.put("dueInMs", dueInMs);
            }
            if (!failure.isEmpty() && !died) {
                facts.put("failure", failure);
            }
            if (progress != null) {
                facts.put("percent", progress.percent());
                if (!progress.text().isEmpty()) {
                    facts.put("progress", progress.text());
                }
                facts.put("reportedMsAgo", progress.ago().toMillis());
            }
        }

        /** What keeps every task of the queue. */
        List<Reason> common(boolean leased) {
            List<Reason> why = new ArrayList<>();
            if (paused) {
                why.add(new Reason("paused", "The queue is paused: nothing is taken from it."));
            }
            if (!leased) {
                return why; // nobody knows who dispatches there
            }
            if (alive == 0 && members > 0) {
                why.add(new Reason(
                        "leases-lapsed",
                        members == 1
                                ? "The lease of the only known dispatcher is over: it died, or cannot reach Redis."
                                : "The leases of all " + members
                                        + " known dispatchers are over: they died, or cannot reach Redis."));
            } else if (alive == 0) {
                why.add(new Reason("no-dispatcher", "No dispatcher of this queue is known: start one."));
            }
            return why;
        }

        private List<Reason> unheardOf() {
            List<Reason> why = new ArrayList<>();
            why.add(new Reason("ended-or-unknown", "It has ended, or it never was: what ends well leaves no trace."));
            if (draining) {
                why.add(new Reason(
                        "draining", "Or it was refused: the queue is draining and takes no new tasks until 'resume'."));
            }
            return why;
        }

        @Nullable
        TaskInfo info() {
            TaskState state = died && !waitsAgain ? TaskState.DEAD : TaskState.ofWord(word);
            return state == null
                    ? null
                    : new TaskInfo(
                            id,
                            state,
                            waitsAgain ? 0 : attempts,
                            waitsAgain ? 0 : crashes,
                            isDelayed ? Duration.ofMillis(dueInMs) : null,
                            died && !waitsAgain ? Duration.ofMillis(diedMsAgo) : null,
                            progress);
        }

        Explanation at(Place place, String where, List<Reason> why, boolean complete) {
            return new Explanation(id, place, where, why, facts, complete);
        }
    }
}
