package dev.sluice.redis;

import dev.sluice.codec.Envelope;
import dev.sluice.codec.EnvelopeException;
import dev.sluice.task.TaskId;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Reads what a queue has stored, page by page, without its bodies; each page is one instant. Ids are ISO-8859-1 strings
 * of their bytes, so that any bytes come back as they were; {@link #shown} makes text of them.
 */
final class Pages {
    private static final int LARGEST = 256;
    private static final int FIRST_OF_THE_HEAVY = 1; // nobody knows yet how long they are
    private static final int MANY_BYTES = 512 * 1024;
    private static final String NO_CLAIM = "-";

    private final RedisLink link;
    private final QueueKeys keys;
    private final Duration deadline;

    Pages(RedisLink link, QueueKeys keys, Duration deadline) {
        this.link = link;
        this.keys = keys;
        this.deadline = deadline;
        TaskId.random(); // draws its first random numbers here, where that may block, and not where ids are read
    }

    /** What is read: the word that the script knows it by is the name in lower case. */
    enum What {
        PLAIN,
        READY,
        SUSPECTS,
        CLAIMED,
        BODIES,
        DELAYED,
        DEAD,
        RECORDS,
        STATUS,
        LATE,
        PROGRESS,
        CANCELLING,
        CANCELLED;

        String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Those of which a page may carry large values, and whose number says nothing of their bytes. */
        private boolean isHeavy() {
            return this == BODIES || this == RECORDS;
        }
    }

    /** Every page of one structure, one after the other, each when the last was dealt with. A list from its tail. */
    Flux<Page> all(What what) {
        return pages(what, NO_CLAIM, false);
    }

    /** Every page of one list from its head. */
    Flux<Page> fromHead(What what) {
        return pages(what, NO_CLAIM, true);
    }

    /** Every page of what one incarnation has claimed. */
    Flux<Page> claimed(String incarnation) {
        return pages(What.CLAIMED, incarnation, false);
    }

    /** The incarnations that have a claimed hash, once each. Walks the key space in steps of 1000 keys. */
    Mono<List<String>> claimants() {
        int prefix = keys.claimedPattern().length() - 1;
        return keys(keys.claimedPattern())
                .collect(
                        TreeSet<String>::new,
                        (found, some) ->
                                some.forEach(key -> found.add(shown(key).substring(prefix))))
                .map(List::copyOf);
    }

    /** The keys that match a pattern, some of them perhaps twice, a part at a time. Walks the key space in steps of 1000 keys. */
    Flux<List<String>> keys(String pattern) {
        return new KeyWalk(link, pattern, null, deadline).all().map(reply -> {
            List<String> found = new ArrayList<>(reply.size());
            for (int i = 1; i < reply.size(); i++) {
                found.add(latin(reply.bytes(i)));
            }
            return found;
        });
    }

    static String shown(String id) {
        return new String(id.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    static byte[] bytes(String id) {
        return id.getBytes(StandardCharsets.ISO_8859_1);
    }

    static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private Flux<Page> pages(What what, String incarnation, boolean fromHead) {
        return Flux.defer(() -> {
            AtomicInteger count = new AtomicInteger(what.isHeavy() ? FIRST_OF_THE_HEAVY : LARGEST);
            return page(what, incarnation, "0", fromHead, count)
                    .expand(page ->
                            page.next.isEmpty() ? Mono.empty() : page(what, incarnation, page.next, fromHead, count));
        });
    }

    private Mono<Page> page(What what, String incarnation, String from, boolean fromHead, AtomicInteger count) {
        return link.run(
                        Script.INSPECT,
                        keys.withClaimed(incarnation),
                        args -> args.add(what.word()).add(from).add(count.get()).add(fromHead ? 1 : 0),
                        deadline)
                .map(reply -> new Page(what, reply))
                .doOnNext(page -> {
                    if (what.isHeavy()) {
                        int before = count.get();
                        count.set(page.bytes > MANY_BYTES ? Math.max(1, before / 2) : Math.min(LARGEST, before * 2));
                    }
                });
    }

    /** One page. */
    static final class Page {
        private static final int WIDTH = 8;

        final What what;
        final String next;
        final long bytes;
        final List<Row> rows;

        private Page(What what, Reply reply) {
            this.what = what;
            this.next = reply.text(0);
            this.bytes = reply.number(1);
            this.rows = new ArrayList<>((reply.size() - 2) / WIDTH);
            for (int at = 2; at + WIDTH <= reply.size(); at += WIDTH) {
                rows.add(new Row(reply, at));
            }
        }
    }

    /** An element with all that was known of its id at the instant at which it was read. */
    static final class Row {
        /** The id, or null for an element that has none that can be read. */
        final @Nullable String id;

        final String first;
        final String second;
        final String word;
        final boolean hasBody;
        final boolean awaitsStatus;
        final boolean isDelayed;
        final boolean isDead;
        final boolean isWatched;
        final boolean isRaw;
        /** It was cancelled where it lies: the claim that meets it drops it. */
        final boolean isDropped;

        private Row(Reply reply, int at) {
            this.first = text(reply, at + 1);
            this.isRaw = reply.isNull(at);
            this.id = isRaw ? idOf(reply.bytes(at + 1)) : latin(reply.bytes(at));
            this.second = text(reply, at + 2);
            this.isDropped = second.equals("x");
            this.word = text(reply, at + 3);
            this.hasBody = !reply.isNull(at + 4);
            this.awaitsStatus = text(reply, at + 4).equals("F");
            this.isDelayed = !reply.isNull(at + 5);
            this.isDead = !reply.isNull(at + 6);
            this.isWatched = !reply.isNull(at + 7);
        }

        private static String text(Reply reply, int at) {
            return reply.isNull(at) ? "" : latin(reply.bytes(at));
        }

        /** The patterns by which a claim finds it first. */
        private static final Pattern PLAIN_ID =
                Pattern.compile("^\\s*\\{\\s*\"id\"\\s*:\\s*(?:\"([^\"\\\\\\p{Cntrl}]+)\"|([0-9]+)\\s*[,}])");

        private static @Nullable String idOf(byte[] element) {
            try {
                String id = Envelope.read(element, 0, element.length).id();
                return id == null ? null : latin(id.getBytes(StandardCharsets.UTF_8));
            } catch (EnvelopeException unreadable) {
                Matcher plain = PLAIN_ID.matcher(latin(element)); // a claim finds it there, whatever comes behind
                return plain.find() ? plain.group(1) == null ? plain.group(2) : plain.group(1) : null;
            }
        }
    }
}
