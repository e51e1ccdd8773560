package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RetryPolicyTest {

    private static final Duration YEAR = Duration.ofDays(365);

    @ParameterizedTest
    @CsvSource({"1,1000", "2,2000", "3,4000", "4,8000", "10,512000", "11,600000", "1000,600000", "2147483647,600000"})
    void theStandardWaitsDoubleFromOneSecondToTenMinutes(int attempt, long millis) {
        assertThat(RetryPolicy.standard().delay(attempt, 0)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @CsvSource({"0,1000", "0.5,900", "1,800"})
    void jitterTakesAwayUpToItsShare(double u, long millis) {
        assertThat(RetryPolicy.standard().delay(1, u)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
    void anAttemptBelowOneIsTheFirst(int attempt) {
        assertThat(RetryPolicy.standard().delay(attempt, 0)).isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void theLargestPolicyDoesNotOverflow() {
        RetryPolicy policy = new RetryPolicy(Integer.MAX_VALUE, YEAR, 1000, YEAR, 0);

        assertThat(policy.delay(1, 0)).isEqualTo(YEAR);
        assertThat(policy.delay(Integer.MAX_VALUE, 0)).isEqualTo(YEAR);
    }

    @Test
    void noWaitStaysNoWait() {
        RetryPolicy policy = new RetryPolicy(5, Duration.ZERO, 1000, YEAR, 0.2);

        assertThat(policy.delay(Integer.MAX_VALUE, 0.5)).isEqualTo(Duration.ZERO);
    }

    @Test
    void aFactorOfOneKeepsTheWait() {
        RetryPolicy policy = RetryPolicy.standard()
                .backoff(Duration.ofMillis(7), 1, Duration.ofMinutes(1))
                .jitter(0);

        assertThat(policy.delay(1, 0.9)).isEqualTo(Duration.ofMillis(7));
        assertThat(policy.delay(500, 0.9)).isEqualTo(Duration.ofMillis(7));
    }

    @Test
    void everyWaitIsWithinItsBounds() {
        RetryPolicy policy = RetryPolicy.standard().jitter(1);
        for (int attempt = 1; attempt < 100; attempt++) {
            for (double u = 0; u < 1; u += 0.01) {
                assertThat(policy.delay(attempt, u)).isBetween(Duration.ZERO, policy.max());
            }
        }
    }

    @Test
    void attemptsAreCountedWithTheFirst() {
        assertThat(RetryPolicy.standard().maxAttempts()).isEqualTo(5);
        assertThat(RetryPolicy.never().maxAttempts()).isEqualTo(1);
    }

    @Test
    void partsOutOfRangeAreRefused() {
        RetryPolicy policy = RetryPolicy.standard();
        Duration second = Duration.ofSeconds(1);

        assertRefused("maxAttempts", () -> policy.maxAttempts(0));
        assertRefused("first", () -> policy.backoff(Duration.ofNanos(-1), 2, second));
        assertRefused("first", () -> policy.backoff(YEAR.plusNanos(1), 2, YEAR.plusNanos(1)));
        assertRefused("factor", () -> policy.backoff(second, 0.5, second));
        assertRefused("factor", () -> policy.backoff(second, Double.NaN, second));
        assertRefused("factor", () -> policy.backoff(second, Double.POSITIVE_INFINITY, second));
        assertRefused("max", () -> policy.backoff(second, 2, Duration.ofMillis(999)));
        assertRefused("max", () -> policy.backoff(second, 2, Duration.ofSeconds(Long.MAX_VALUE)));
        assertRefused("jitter", () -> policy.jitter(1.1));
        assertRefused("jitter", () -> policy.jitter(Double.NaN));
        assertRefused("u", () -> policy.delay(1, -0.1));
        assertRefused("u", () -> policy.delay(1, Double.NaN));
    }

    @Test
    void givenWaitsAreTakenInTurnAndTheLastRepeats() {
        RetryPolicy policy = RetryPolicy.standard()
                .waits(Duration.ofMillis(5), Duration.ZERO, YEAR)
                .jitter(0.5);

        assertThat(policy.delay(0, 0)).isEqualTo(Duration.ofMillis(5));
        assertThat(policy.delay(1, 1)).isEqualTo(Duration.ofNanos(2_500_000));
        assertThat(policy.delay(2, 0)).isEqualTo(Duration.ZERO);
        assertThat(policy.delay(3, 0)).isEqualTo(YEAR);
        assertThat(policy.delay(Integer.MAX_VALUE, 0)).isEqualTo(YEAR);
        assertThat(policy.backoff(YEAR, 1, YEAR).delay(1, 0)).isEqualTo(YEAR);
    }

    @Test
    void waitsOfOnesOwnFormulaAreAskedForOnce() {
        List<Integer> asked = new ArrayList<>();
        RetryPolicy policy = RetryPolicy.standard().waits(attempt -> {
            asked.add(attempt);
            return Duration.ofSeconds(attempt);
        });

        assertThat(policy.delay(7, 0)).isEqualTo(Duration.ofSeconds(7));
        assertThat(policy.delay(1_000, 0)).isEqualTo(Duration.ofSeconds(100));
        assertThat(asked).hasSize(100).startsWith(1, 2, 3).endsWith(100);
    }

    @Test
    void waitsThatAreNoneAreRefusedAtOnce() {
        RetryPolicy policy = RetryPolicy.standard();

        assertRefused("waits", () -> policy.waits(new Duration[0]));
        assertRefused("waits", () -> policy.waits(Duration.ofMillis(-1)));
        assertRefused("waits", () -> policy.waits(YEAR.plusNanos(1)));
        assertRefused("waits", () -> policy.waits(new Duration[101]));
        assertRefused("waits", () -> policy.waits(attempt -> attempt == 9 ? null : Duration.ZERO));
        assertRefused("waits", () -> policy.waits(attempt -> Duration.ofDays(200L * attempt)));
        assertThatThrownBy(() -> policy.waits(attempt -> {
                    throw new IllegalStateException("broken");
                }))
                .hasMessage("broken");
        assertRefused("delay", () -> policy.retryOn(Exception.class, Duration.ofSeconds(-1)));
    }

    @Test
    void theFirstRuleThatHasAnAnswerDecides() {
        Failure failure = Failure.of("handler-error", "no");
        RetryPolicy policy = RetryPolicy.standard()
                .rule((thrown, attempt) -> attempt == 3 ? Optional.of(Verdict.snooze(Duration.ZERO)) : Optional.empty())
                .retryOn(IllegalStateException.class, Duration.ofSeconds(3))
                .retryOn(NumberFormatException.class)
                .deadOn(IllegalArgumentException.class)
                .discardOn(Exception.class);

        assertThat(policy.ruling(new IllegalStateException(), failure, 1, true))
                .contains(Verdict.retry(Duration.ofSeconds(3), failure));
        assertThat(policy.ruling(new IllegalStateException(), failure, 3, true))
                .contains(Verdict.snooze(Duration.ZERO));
        assertThat(policy.ruling(new IllegalStateException(), failure, 3, false))
                .contains(Verdict.retry(Duration.ofSeconds(3), failure));
        assertThat(policy.ruling(new NumberFormatException(), failure, 1, true)).isEmpty();
        assertThat(policy.ruling(new IllegalArgumentException(), failure, 1, true))
                .contains(Verdict.dead(failure));
        assertThat(policy.ruling(new Exception(), failure, 1, true)).contains(Verdict.discarded());
        assertThat(policy.ruling(new Error(), failure, 1, true)).isEmpty();
        assertThat(RetryPolicy.standard().ruling(new Error(), failure, 1, true)).isEmpty();
    }

    /** A handler's library may be there twice, each with a class loader of its own. */
    @Test
    void aRuleByNameFitsTheClassWhoeverLoadedItAndWhatExtendsIt() throws Exception {
        RetryPolicy policy = RetryPolicy.standard()
                .retryOn(SocketException.class.getName())
                .discardOn("com.acme.Gone")
                .deadOn(Exception.class.getName());
        Failure failure = Failure.of("handler-error", "no");

        assertThat(policy.ruling(new ConnectException(), failure, 1, false))
                .as("as if no later rule were there")
                .isEmpty();
        assertThat(policy.ruling(new IOException(), failure, 1, false)).contains(Verdict.dead(failure));

        Throwable twin = (Throwable)
                new Elsewhere().loadClass(Twin.class.getName()).getConstructor().newInstance();
        assertThat(twin).isNotInstanceOf(Twin.class);
        assertThat(RetryPolicy.standard().deadOn(Twin.class.getName()).ruling(twin, failure, 1, false))
                .contains(Verdict.dead(failure));
        assertThat(RetryPolicy.standard().deadOn(Twin.class).ruling(twin, failure, 1, false))
                .isEmpty();
    }

    @SuppressWarnings("serial") // never serialized
    public static final class Twin extends RuntimeException {}

    private static final class Elsewhere extends ClassLoader {
        Elsewhere() {
            super(ClassLoader.getPlatformClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            try (InputStream bytes = Twin.class.getResourceAsStream("/" + name.replace('.', '/') + ".class")) {
                byte[] code = bytes.readAllBytes();
                return defineClass(name, code, 0, code.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    @Test
    void policiesOfTheSamePartsAreEqual() {
        RetryPolicy policy = RetryPolicy.standard().deadOn(Error.class).waits(YEAR);

        assertThat(policy)
                .isEqualTo(RetryPolicy.standard().waits(YEAR).deadOn(Error.class))
                .hasSameHashCodeAs(RetryPolicy.standard().waits(YEAR).deadOn(Error.class))
                .isNotEqualTo(RetryPolicy.standard().waits(YEAR))
                .isNotEqualTo(RetryPolicy.standard().deadOn(Error.class));
        assertThat(policy).hasToString("RetryPolicy[5 attempts, waits [PT8760H], jitter 0.2, 1 rules]");
    }

    private static void assertRefused(String field, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        InvalidTaskException.class,
                        refused -> assertThat(refused.field()).isEqualTo(field));
    }
}
