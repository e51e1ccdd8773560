package dev.sluice.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sluice.Sluice;
import dev.sluice.http.Web.Told;
import dev.sluice.task.Queue;
import dev.sluice.testkit.OnEveryRedis;
import dev.sluice.testkit.RedisServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@OnEveryRedis
@Timeout(60)
class AccessRedisTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final String READ = "read-token-0123456789";
    private static final String PRODUCE = "produce-token-0123456789";
    private static final String OPERATE = "operate-token-0123456789";
    private static final String QUEUE = "/v1/queues/mail";
    private static final String TASK = "{\"id\":\"a\",\"type\":\"t\"}";

    private final Web web;

    AccessRedisTest(RedisServer redis) {
        web = Web.over(
                redis.uri(),
                api -> api.queue(Queue.named("mail"))
                        .token(Role.READ, READ)
                        .token(Role.PRODUCE, PRODUCE)
                        .token(Role.OPERATE, OPERATE)
                        .metrics(() -> "up 1\n"));
    }

    @AfterEach
    void close() {
        web.close();
    }

    @Test
    void withoutATokenThereAreProbesAndTheDescription() {
        assertThat(web.get("/livez").text()).isEqualTo("ok\n");
        assertThat(web.get("/readyz").text()).isEqualTo("{\"ready\":true,\"checks\":{\"redis\":true}}");
        assertThat(web.get("/openapi.yaml").text()).startsWith("openapi: 3.1");
        for (Told refused : new Told[] {
            web.get("/metrics"),
            web.get("/v1/queues"),
            web.post(QUEUE + "/tasks", TASK),
            web.get(QUEUE, "Authorization", "Bearer " + READ + "x"),
            web.get(QUEUE, "Authorization", "Bearer "),
            web.get(QUEUE, "Authorization", "Basic " + READ)
        }) {
            assertThat(refused.status()).isEqualTo(401);
            assertThat(refused.code()).isEqualTo("unauthorized");
            assertThat(refused.header("WWW-Authenticate")).startsWith("Bearer");
        }
    }

    @Test
    void aRoleMayDoWhatIsItsOwn() {
        assertThat(statuses(READ)).isEqualTo("200 200 403 404 403 403 403 200");
        assertThat(statuses(PRODUCE)).isEqualTo("403 403 201 200 403 403 403 403");
        assertThat(statuses(OPERATE)).isEqualTo("200 200 200 200 200 200 200 200");
        assertThat(web.get(QUEUE, "Authorization", "bearer   " + READ).status()).isEqualTo(200);
        assertThat(web.get(QUEUE, bearer(PRODUCE)).json().path("detail").asString())
                .contains("produce")
                .doesNotContain(PRODUCE);
    }

    private String statuses(String token) {
        String[] who = bearer(token);
        return String.join(
                " ",
                code(web.get("/v1/queues", who)),
                code(web.get(QUEUE + "/dead-letters", who)),
                code(web.post(QUEUE + "/tasks", TASK, who)),
                code(web.get(QUEUE + "/tasks/a", who)),
                code(web.delete(QUEUE + "/tasks/a", who)),
                code(web.post(QUEUE + ":pause", "", who)),
                code(web.post(QUEUE + "/dead-letters:purge", "", who)),
                code(web.get("/metrics", who)));
    }

    @Test
    void aPageOfAnotherSiteChangesNothing() {
        assertThat(web.post(QUEUE + ":pause", "", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer " + OPERATE)
                        .code())
                .isEqualTo("foreign-site");
        assertThat(web.post(QUEUE + ":pause", "", "Sec-Fetch-Site", "same-origin", "Authorization", "Bearer " + OPERATE)
                        .status())
                .isEqualTo(200);
    }

    @Test
    void publicAddressesNeedATokenOrAWord(RedisServer redis) {
        Sluice sluice = Sluice.connect(redis.uri());
        InetSocketAddress everywhere = new InetSocketAddress(0);
        try {
            HttpApi open = HttpApi.over(sluice).build();
            HttpApi closed = HttpApi.over(sluice).token(Role.READ, READ).build();

            assertThatThrownBy(() -> open.listen(everywhere, false).block(SOON))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("a token is needed");
            open.listen(everywhere, true).block(SOON).stop(Duration.ZERO).block(SOON);
            closed.listen(everywhere, false).block(SOON).stop(Duration.ZERO).block(SOON);
            assertThatThrownBy(() -> HttpApi.over(sluice).token(Role.READ, "short"))
                    .hasMessageContaining("16 to 256")
                    .hasMessageNotContaining("short");
        } finally {
            sluice.close().block(SOON);
        }
    }

    @Test
    void aPortThatIsTakenIsAnError(RedisServer redis) {
        Sluice sluice = Sluice.connect(redis.uri());
        InetSocketAddress taken = new InetSocketAddress(InetAddress.getLoopbackAddress(), web.port());
        try {
            assertThatThrownBy(() ->
                            HttpApi.over(sluice).build().listen(taken, false).block(SOON))
                    .hasMessageContaining("Failed to bind");
        } finally {
            sluice.close().block(SOON);
        }
    }

    private static String code(Told told) {
        return Integer.toString(told.status());
    }

    private static String[] bearer(String token) {
        return new String[] {"Authorization", "Bearer " + token};
    }
}
