package dev.sluice.redis;

import java.util.List;

/**
 * What a heartbeat was told.
 *
 * @param renewed whether the lease was renewed; false if the incarnation was recovered by others, or is unknown
 * @param unknown whether the queue's settings are gone from Redis, so that it is to be joined once more
 * @param cancelling ids of running tasks that somebody wants to be stopped, whoever runs them: some, if there are many
 */
public record HeartbeatReply(boolean renewed, boolean unknown, List<String> cancelling) {
    static HeartbeatReply of(Reply reply) {
        String[] ids = new String[reply.size() - 1];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = reply.text(i + 1);
        }
        long code = reply.number(0);
        return new HeartbeatReply(code != 1, code == 2, List.of(ids));
    }
}
