package dev.sluice;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a Redis server says about itself that matters to tasks. What it does not say is {@code unknown}.
 *
 * @param version such as {@code 7.0.15}
 * @param product {@code redis}, or what calls itself otherwise, such as {@code valkey}
 * @param maxmemoryPolicy what it does when its memory is full; only {@code noeviction} never deletes tasks
 * @param appendOnly whether it keeps an append-only file; false also where the version is {@code unknown}. Without one, a
 *     crash loses what came after the last snapshot
 * @param appendFsync when that file reaches the disk: {@code always}, {@code everysec} or {@code no}
 * @param role {@code master} or {@code slave}
 * @param replicas how many replicas are connected
 * @param minReplicasToWrite how many of them must be there for a write to be taken
 */
public record ServerInfo(
        String version,
        String product,
        String maxmemoryPolicy,
        boolean appendOnly,
        String appendFsync,
        String role,
        int replicas,
        String minReplicasToWrite) {

    private static final String UNKNOWN = "unknown";

    /** The first release of each line in which whoever may run a script could not take over the server (CVE-2025-49844). */
    private static final Map<String, Integer> SAFE_SCRIPTS =
            Map.of("6.2", 20, "7.0", Integer.MAX_VALUE, "7.2", 11, "7.4", 6, "8.0", 4, "8.2", 2);

    /** What to mind about this server, the most dangerous first; empty if nothing. */
    public List<Hint> hints() {
        List<Hint> hints = new ArrayList<>();
        if (!maxmemoryPolicy.equals("noeviction") && !maxmemoryPolicy.equals(UNKNOWN)) {
            hints.add(new Hint(
                    "eviction",
                    "maxmemory-policy is " + maxmemoryPolicy
                            + ": this Redis may delete tasks when its memory is full. Set noeviction."));
        }
        if (role.equals("slave")) {
            hints.add(new Hint("replica", "This is a replica: tasks can only be written to its master. Use that."));
        }
        if (!appendOnly && !version.equals(UNKNOWN)) {
            hints.add(
                    new Hint(
                            "no-append-only-file",
                            "There is no append-only file: a crash loses what came after the last snapshot. Set appendonly yes."));
        } else if (appendFsync.equals("everysec")) {
            hints.add(new Hint(
                    "fsync-every-second",
                    "appendfsync is everysec: a crash of the machine loses up to 2 s of writes. Set always where that is"
                            + " too much."));
        } else if (appendFsync.equals("no")) {
            hints.add(new Hint(
                    "fsync-never",
                    "appendfsync is no: a crash of the machine loses what its system had not written. Set everysec or"
                            + " always."));
        }
        if (replicas > 0 && minReplicasToWrite.equals("0")) {
            hints.add(
                    new Hint(
                            "replicas-unguarded",
                            "min-replicas-to-write is 0: a master that is cut off takes tasks that a failover throws away. Set 1."));
        }
        if (hasUnsafeScripts()) {
            hints.add(new Hint(
                    "known-bad-version",
                    "In this version whoever may run scripts can take over the server (CVE-2025-49844). Upgrade: 6.2.20,"
                            + " 7.2.11, 7.4.6, 8.0.4, 8.2.2 or later."));
        }
        if (maxmemoryPolicy.equals(UNKNOWN) || appendFsync.equals(UNKNOWN)) {
            hints.add(new Hint(
                    "unknown",
                    "Not all settings can be read here (INFO or CONFIG GET is forbidden): see yourself that"
                            + " maxmemory-policy is noeviction and what appendfsync is."));
        }
        return List.copyOf(hints);
    }

    private boolean hasUnsafeScripts() {
        String[] parts = version.split("\\.", -1);
        if (!product.equals("redis") || parts.length != 3 || !parts[2].matches("[0-9]{1,4}")) {
            return false;
        }
        Integer safe = SAFE_SCRIPTS.get(parts[0] + "." + parts[1]);
        return safe != null && Integer.parseInt(parts[2]) < safe;
    }

    /**
     * Something to mind.
     *
     * @param code a stable word for programs
     * @param text what it is and what to do, for people
     */
    public record Hint(String code, String text) {}
}
