package dev.sluice.dispatch;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.sluice.observe.Observer;
import dev.sluice.task.StoreRefusedException;
import dev.sluice.task.StoreUnavailableException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class OutagesTest {
    private static final String BEGUN = "WARN Redis does not answer; dispatching goes on when it does";
    private static final String ENDED = "INFO Redis answers again";

    private final Throwable away = new StoreUnavailableException("connection refused", null);
    private final Throwable refused = new StoreRefusedException("wrong-type", "the key q is a string", null);
    private final Logger logger = (Logger) LoggerFactory.getLogger(Outages.class);
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final List<String> links = new ArrayList<>();
    private final List<String> emptied = new ArrayList<>();
    private final Outages outages = new Outages(new Observer() {
        @Override
        public void link(String role, boolean up) {
            links.add(role + (up ? " up" : " down"));
        }

        @Override
        public void emptied(String queue) {
            emptied.add(queue);
        }
    });
    private final Outages.Outage one = outages.of("one");
    private final Outages.Outage two = outages.of("two");
    private final Outages.Outage three = outages.of("three");

    @BeforeEach
    void listen() {
        log.start();
        logger.addAppender(log);
        logger.setLevel(Level.INFO);
        logger.setAdditive(false);
    }

    @AfterEach
    void listenNoMore() {
        logger.detachAppender(log);
        logger.setLevel(null);
        logger.setAdditive(true);
    }

    @Test
    void anEmptiedServerIsOneLineHoweverManyQueuesItHad() {
        one.emptied();
        two.emptied();
        three.emptied();

        assertThat(log.list).filteredOn(it -> it.getLevel() == Level.WARN).hasSize(1);
        assertThat(log.list.get(0).getFormattedMessage()).startsWith("The keys of this queue were gone");
        assertThat(emptied).containsExactly("one", "two", "three");
    }

    @Test
    void anOutageIsTwoLinesHoweverManyQueuesNoticeItAndHoweverOften() {
        for (int call = 0; call < 100; call++) {
            one.begin(away);
            two.begin(away);
            three.begin(away);
        }
        for (Outages.Outage outage : List.of(one, two, three)) {
            outage.end();
            outage.end();
        }

        assertThat(lines())
                .containsExactly(
                        BEGUN + " {queue=one, reason=connection refused}",
                        ENDED + " {leases.lost=0, tasks.cancelled=0}");
        assertThat(links).containsExactly("commands down", "commands up");
    }

    @Test
    void itLastsUntilTheLastQueueIsAnswered() {
        one.begin(away);
        two.begin(away);

        one.end();

        assertThat(one.isOpen()).isFalse();
        assertThat(two.isOpen()).isTrue();
        assertThat(links).containsExactly("commands down");

        one.begin(away);
        two.end();
        assertThat(links).containsExactly("commands down");
        one.end();
        assertThat(links).containsExactly("commands down", "commands up");
        assertThat(lines()).hasSize(2);
    }

    @Test
    void theNextOutageIsToldAgain() {
        for (int outage = 0; outage < 2; outage++) {
            two.begin(away);
            two.end();
        }

        assertThat(lines()).hasSize(4);
        assertThat(links).containsExactly("commands down", "commands up", "commands down", "commands up");
    }

    @Test
    void whatRedisRefusesIsToldForEachQueueAndIsNoOutage() {
        one.begin(refused);
        one.begin(refused);
        two.begin(refused);
        one.end();
        two.end();

        String refusal = "WARN Redis refuses what this queue needs; it is tried again until somebody changes that";
        assertThat(lines())
                .containsExactly(
                        refusal + " {queue=one, reason=the key q is a string}",
                        refusal + " {queue=two, reason=the key q is a string}",
                        "INFO Redis serves this queue again {queue=one}",
                        "INFO Redis serves this queue again {queue=two}");
        assertThat(links).isEmpty();
    }

    @Test
    void aRefusedQueueDoesNotKeepAnOutageOpen() {
        one.begin(refused);
        two.begin(away);
        two.end();

        assertThat(one.isOpen()).isTrue();
        assertThat(lines()).last().asString().startsWith(ENDED);
        assertThat(links).containsExactly("commands down", "commands up");
    }

    @Test
    void leasesThatAnOutageCostsAreCountedInItsLastLineOnly() {
        one.begin(away);
        one.leaseLost(3, "lapsed");
        two.leaseLost(4, "lapsed");
        one.end();
        one.begin(away);
        one.end();

        assertThat(lines())
                .filteredOn(line -> line.startsWith(ENDED))
                .containsExactly(
                        ENDED + " {leases.lost=2, tasks.cancelled=7}", ENDED + " {leases.lost=0, tasks.cancelled=0}");
        assertThat(lines()).hasSize(4);
    }

    @Test
    void aLeaseLostWhileRedisAnswersIsToldAtOnce() {
        two.leaseLost(5, "taken over");

        assertThat(lines())
                .containsExactly("WARN The lease is lost; handlers are cancelled and the dispatcher joins anew"
                        + " {queue=two, held=5, reason=taken over}");
    }

    private List<String> lines() {
        return log.list.stream()
                .map(event -> event.getLevel() + " " + event.getMessage() + " " + facts(event))
                .toList();
    }

    private static String facts(ILoggingEvent event) {
        return event.getKeyValuePairs().stream()
                .map(fact -> fact.key + "=" + fact.value)
                .collect(Collectors.joining(", ", "{", "}"));
    }
}
