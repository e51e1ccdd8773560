package dev.sluice.redis;

import java.util.List;

/**
 * What a heartbeat was told.
 *
 * @param renewed whether the lease was renewed; false if the incarnation was recovered by others, or is unknown
 * @param cancelling ids of running tasks that somebody wants to be stopped, whoever runs them: some, if there are many
 */
public record HeartbeatReply(boolean renewed, List<String> cancelling) {
    static HeartbeatReply of(Reply reply) {
        String[] ids = new String[reply.size() - 1];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = reply.text(i + 1);
        }
        return new HeartbeatReply(reply.number(0) == 0, List.of(ids));
    }
}
