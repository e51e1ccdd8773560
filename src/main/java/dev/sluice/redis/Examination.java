package dev.sluice.redis;

import dev.sluice.redis.Pages.Page;
import dev.sluice.redis.Pages.Row;
import dev.sluice.task.Finding.Kind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one walk over a part of a queue's ids has seen. It keeps 64 bits of each id that waits or is claimed, and whole only
 * what looks wrong, of each kind a bounded number.
 */
final class Examination {
    /** So many ids of one part at most, about: their fingerprints take 32 to 64 MB. */
    static final long IDS_OF_A_PART = 2_000_000;

    private static final int MOST_SUSPECTS = 50_000;
    private static final int ROWS_TO_FIND_THE_SEAM = 64;
    private static final String NO_SEAM = "none"; // no frame is that

    private final int part;
    private final int parts;
    private final boolean leased;
    private final Fingerprints waiting = new Fingerprints();
    private final Fingerprints claimed = new Fingerprints();
    private final Fingerprints dropped = new Fingerprints();
    private final Map<Kind, Map<String, Suspect>> suspects = new LinkedHashMap<>();
    private String seam = "";
    boolean isComplete = true;

    Examination(int part, int parts, boolean leased) {
        this.part = part;
        this.parts = parts;
        this.leased = leased;
    }

    // ---- the first walk: lists, then claims, then bodies, and statuses last

    void list(Page page) {
        List<Row> fresh = afterTheSeam(page);
        boolean contiguous = fresh.size() < page.rows.size() || seam.isEmpty();
        if (!page.rows.isEmpty()) {
            seam = page.next.isEmpty() ? "" : seamOf(page.rows.get(page.rows.size() - 1));
        }
        for (Row row : fresh) {
            String id = row.id;
            if (id == null || !isMine(id)) {
                continue;
            }
            if (row.isDropped) {
                dropped.add(Fingerprints.of(id));
                continue;
            }
            boolean isNew = waiting.add(Fingerprints.of(id));
            if (row.isRaw) {
                continue; // a foreign producer may push twice, and writes its status second
            }
            String where = page.what.word();
            if (row.word.isEmpty()) {
                suspect(Kind.STATUS_MISSING, id, where, "", "in " + where);
            }
            if (row.second.equals("c") && (row.hasBody || row.isDead)) {
                suspect(Kind.TWO_PLACES, id, where, "", "in " + where + " and " + (row.hasBody ? "held" : "dead"));
            } else if (row.second.equals("c") && !isNew && contiguous) {
                suspect(Kind.TWO_PLACES, id, where, "twice", "twice in the lists");
            }
        }
    }

    /** Of a raw element there may be many that are the same. */
    private static String seamOf(Row last) {
        return last.isRaw ? NO_SEAM : last.first;
    }

    /** A list grows while it is read from its tail: then a page begins with elements of the last. */
    private List<Row> afterTheSeam(Page page) {
        int look = seam.isEmpty() ? 0 : Math.min(ROWS_TO_FIND_THE_SEAM, page.rows.size());
        for (int i = 0; i < look; i++) {
            Row row = page.rows.get(i);
            if (!row.isRaw && row.first.equals(seam)) {
                return page.rows.subList(i + 1, page.rows.size());
            }
        }
        return page.rows;
    }

    void claimed(String incarnation, Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (!isMine(id)) {
                continue;
            }
            boolean isNew = claimed.add(Fingerprints.of(id));
            if (!leased) {
                continue; // nothing more is kept of it, and two copies may run
            }
            if (!isNew) {
                suspect(Kind.CLAIMED_TWICE, id, row.first, "", "by " + incarnation + " and another, or twice");
            }
            if (!row.hasBody) {
                note(new Suspect(
                        Kind.CLAIMED_WITHOUT_BODY,
                        incarnation,
                        id,
                        row.first,
                        "",
                        "token " + row.first + " of " + incarnation));
            }
        }
    }

    void bodies(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (!isMine(id)) {
                continue;
            }
            if (!row.second.equals(id)) {
                suspect(
                        Kind.BODY_UNREADABLE,
                        id,
                        row.first,
                        "",
                        row.second.isEmpty() ? "it has no header" : "its header names " + Pages.shown(row.second));
            } else if (!row.isDelayed && !claimed.contains(Fingerprints.of(id))) {
                suspect(Kind.BODY_WITHOUT_OWNER, id, row.first, "", "in no list, claim or delay");
            }
            if (row.word.isEmpty()) {
                suspect(Kind.STATUS_MISSING, id, "", "", row.isDelayed ? "delayed" : "claimed");
            }
            if (row.isDead) {
                suspect(Kind.TWO_PLACES, id, "bodies", "", (row.isDelayed ? "delayed" : "claimed") + " and dead");
            }
        }
    }

    void delayed(Page page) {
        for (Row row : page.rows) {
            if (!row.hasBody && isMine(String.valueOf(row.id))) {
                suspect(Kind.DELAYED_WITHOUT_BODY, String.valueOf(row.id), "", "", "due at " + row.first);
            }
        }
    }

    void dead(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (!isMine(id)) {
                continue;
            }
            if (row.second.isEmpty()) {
                suspect(Kind.DEAD_WITHOUT_RECORD, id, "", "", "dead since " + row.first);
            } else if (row.word.isEmpty()) {
                suspect(Kind.STATUS_MISSING, id, "", "", "dead");
            }
        }
    }

    void records(Page page) {
        for (Row row : page.rows) {
            if (row.second.isEmpty() && isMine(String.valueOf(row.id))) {
                suspect(Kind.RECORD_WITHOUT_TIME, String.valueOf(row.id), "", "", "in the dead letters' records");
            }
        }
    }

    void late(Page page, long nowMs) {
        for (Row row : page.rows) {
            double score = Score.of(row.first);
            if (isMine(String.valueOf(row.id)) && !(score >= 0 && score < (nowMs + 600_000) * 8.0)) {
                suspect(Kind.LATE_MARK, String.valueOf(row.id), "", "", "score " + row.first);
            }
        }
    }

    void progress(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (isMine(id) && (!row.hasBody || row.isDelayed)) {
                suspect(Kind.PROGRESS_OF_NOBODY, id, "", "", Pages.shown(row.first));
            }
        }
    }

    void cancelling(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (isMine(id) && (!row.hasBody || row.isDelayed)) {
                suspect(Kind.CANCEL_OF_NOBODY, id, "", "", row.isDelayed ? "it is delayed" : "it has no body");
            }
        }
    }

    /** After the lists: an element of each marked id was met there. */
    void cancelled(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            long fingerprint = Fingerprints.of(id);
            if (isMine(id) && !dropped.contains(fingerprint) && !waiting.contains(fingerprint)) {
                suspect(Kind.MARK_OF_NOBODY, id, row.first, "", "'" + Pages.shown(row.first) + "'");
            }
        }
    }

    void statuses(Page page) {
        for (Row row : page.rows) {
            String id = String.valueOf(row.id);
            if (isMine(id) && !row.word.isEmpty()) {
                status(id, row);
            }
        }
    }

    private void status(String id, Row row) {
        boolean waits = waiting.contains(Fingerprints.of(id));
        boolean runs = claimed.contains(Fingerprints.of(id));
        if (!leased && row.word.equals("processing") && !row.isDead && (runs || !waits)) { // a copy of it may wait
            if (!runs) {
                suspect(Kind.RUNNING_OR_LOST, id, "", "", "");
            }
            return;
        }
        boolean agrees = switch (row.word) {
            case "queued" -> row.awaitsStatus || row.isWatched || (waits && !row.hasBody); // it may have died before
            case "processing" -> row.hasBody && !row.isDelayed;
            case "retrying", "scheduled" -> row.isDelayed;
            case "dead" -> row.isDead;
            default -> false;
        };
        if (!agrees) {
            boolean nowhere = !row.hasBody && !row.isDelayed && !row.isDead && !waits;
            String where = row.isDelayed
                    ? "delayed"
                    : row.hasBody ? "claimed" : row.isDead ? "dead" : waits ? "waiting" : "nowhere";
            suspect(
                    nowhere ? Kind.STATUS_GHOST : Kind.STATUS_FALSE,
                    id,
                    row.word,
                    waits ? "1" : "0",
                    "'" + Pages.shown(row.word) + "' and " + where);
        }
    }

    void suspect(Kind kind, String subject, String first, String second, String detail) {
        note(Suspect.of(kind, subject, first, second, detail));
    }

    void note(Suspect suspect) {
        Map<String, Suspect> kind = suspects.computeIfAbsent(suspect.kind(), none -> new LinkedHashMap<>());
        if (kind.size() < MOST_SUSPECTS) {
            kind.putIfAbsent(suspect.incarnation() + " " + suspect.subject(), suspect);
        } else {
            isComplete = false;
        }
    }

    private boolean isMine(String id) {
        return parts == 1 || Long.remainderUnsigned(Fingerprints.of(id) >>> 8, parts) == part;
    }

    // ---- the next looks

    List<Suspect> suspects() {
        List<Suspect> all = new ArrayList<>();
        suspects.values().forEach(kind -> all.addAll(kind.values()));
        return all;
    }

    List<Suspect> suspects(Kind kind) {
        return List.copyOf(suspects.getOrDefault(kind, Map.of()).values());
    }

    boolean has(Kind... kinds) {
        for (Kind kind : kinds) {
            if (!suspects.getOrDefault(kind, Map.of()).isEmpty()) {
                return true;
            }
        }
        return false;
    }

    void clear(Suspect suspect) {
        suspects.getOrDefault(suspect.kind(), new HashMap<>()).remove(suspect.incarnation() + " " + suspect.subject());
    }

    /** Looks again at what only a walk over all lists, or all claims, can tell. */
    final class SecondLook {
        private final Set<String> waitingNow = new HashSet<>();
        private final Set<String> droppedNow = new HashSet<>();
        private final Set<String> missingNow = new HashSet<>();
        private final Set<String> twiceNow = new HashSet<>();
        private final Map<String, Set<String>> holders = new HashMap<>();
        private final Set<String> asked = new HashSet<>();

        SecondLook() {
            for (Kind kind : List.of(
                    Kind.STATUS_GHOST,
                    Kind.STATUS_FALSE,
                    Kind.STATUS_MISSING,
                    Kind.TWO_PLACES,
                    Kind.CLAIMED_TWICE,
                    Kind.RUNNING_OR_LOST,
                    Kind.MARK_OF_NOBODY,
                    Kind.BODY_WITHOUT_OWNER)) {
                suspects(kind).forEach(suspect -> asked.add(suspect.subject()));
            }
            seam = "";
        }

        void list(Page page) {
            List<Row> fresh = afterTheSeam(page);
            boolean contiguous = fresh.size() < page.rows.size() || seam.isEmpty();
            if (!page.rows.isEmpty()) {
                seam = page.next.isEmpty() ? "" : seamOf(page.rows.get(page.rows.size() - 1));
            }
            for (Row row : fresh) {
                String id = row.id;
                if (id == null || !asked.contains(id)) {
                    continue;
                }
                if (row.isDropped) {
                    droppedNow.add(id);
                    continue;
                }
                if (!waitingNow.add(id) && contiguous && !row.isRaw) {
                    twiceNow.add(id);
                }
                if (row.word.isEmpty() && !row.isRaw) {
                    missingNow.add(id);
                }
            }
        }

        void claimed(String incarnation, Page page) {
            for (Row row : page.rows) {
                if (asked.contains(String.valueOf(row.id))) {
                    holders.computeIfAbsent(String.valueOf(row.id), none -> new HashSet<>())
                            .add(incarnation + " " + row.first);
                }
            }
        }

        /** Lets go of what was in order this time. */
        void conclude() {
            for (Suspect suspect : Examination.this.suspects()) {
                String id = suspect.subject();
                boolean waits = waitingNow.contains(id);
                int held = holders.getOrDefault(id, Set.of()).size();
                boolean fine = switch (suspect.kind()) {
                    case STATUS_GHOST -> waits;
                    case RUNNING_OR_LOST -> waits || held > 0;
                    case STATUS_FALSE -> suspect.second().equals("1") && !waits;
                    case STATUS_MISSING -> !suspect.first().isEmpty() && !missingNow.contains(id);
                    case TWO_PLACES ->
                        !suspect.first().equals("bodies")
                                && (suspect.second().isEmpty() ? !waits : !twiceNow.contains(id));
                    case MARK_OF_NOBODY -> waits || droppedNow.contains(id);
                    case CLAIMED_TWICE -> held < 2;
                    case BODY_WITHOUT_OWNER -> held > 0;
                    default -> false;
                };
                if (fine) {
                    clear(suspect);
                }
            }
        }
    }
}
