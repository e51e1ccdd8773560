package dev.sluice.redis;

import dev.sluice.task.Finding.Kind;
import dev.sluice.task.Queue;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import reactor.core.publisher.Mono;

/** The doctor's look at the schedules of a queue: each has a record, a body and a due time, be it that it never fires. */
final class ScheduleCheck {
    private static final String OF_A_DUE_TIME = "due time";
    private static final String OF_A_BODY = "body";

    private final RedisLink link;
    private final QueueKeys keys;
    private final ScheduleStore store;
    private final Duration deadline;

    ScheduleCheck(RedisLink link, Queue queue, Duration deadline) {
        this.link = link;
        this.keys = new QueueKeys(queue);
        this.store = new ScheduleStore(link, queue, deadline);
        this.deadline = deadline;
    }

    /** Notes what looks wrong. Each page is one instant, but not all together: what is noted is looked at again. */
    Mono<Void> check(Examination seen) {
        Set<String> names = new HashSet<>();
        return store.all()
                .doOnNext(record -> {
                    names.add(record.name());
                    look(seen, record);
                })
                .then(names(CommandType.ZRANGE, keys.scheduleTimes(), "0", "-1"))
                .doOnNext(found -> remains(seen, found, names, OF_A_DUE_TIME))
                .then(names(CommandType.HKEYS, keys.scheduleBodies()))
                .doOnNext(found -> remains(seen, found, names, OF_A_BODY))
                .then();
    }

    private static void look(Examination seen, ScheduleRecord record) {
        if (record.rule() == null) {
            note(seen, Kind.SCHEDULE_BROKEN, record.name(), "", "its record cannot be read");
        } else if (!record.hasBody()) {
            note(seen, Kind.SCHEDULE_BROKEN, record.name(), OF_A_BODY, "its task is missing");
        } else if (record.dueMs() < 0) {
            note(
                    seen,
                    Kind.SCHEDULE_NEVER_DUE,
                    record.name(),
                    "",
                    String.valueOf(record.rule().timing()));
        }
    }

    private static void remains(Examination seen, List<String> found, Set<String> names, String what) {
        found.stream()
                .filter(name -> !names.contains(name))
                .forEach(name -> note(seen, Kind.SCHEDULE_REMAINS, name, "", "a " + what + " without a record"));
    }

    private static void note(Examination seen, Kind kind, String name, String first, String detail) {
        seen.suspect(kind, Pages.latin(name.getBytes(StandardCharsets.UTF_8)), first, "", detail);
    }

    private Mono<List<String>> names(CommandType type, byte[] key, String... range) {
        return link.command(
                        type,
                        args -> {
                            args.addKey(key);
                            for (String bound : range) {
                                args.add(bound);
                            }
                        },
                        deadline)
                .map(reply ->
                        IntStream.range(0, reply.size()).mapToObj(reply::text).toList());
    }
}
