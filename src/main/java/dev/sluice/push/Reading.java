package dev.sluice.push;

import dev.sluice.codec.JsonCodec;
import dev.sluice.task.Failure;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Verdict;
import io.netty.handler.codec.DateFormatter;
import io.netty.handler.codec.http.HttpHeaders;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

/** What an answer means for its task. */
final class Reading {
    private static final Logger log = LoggerFactory.getLogger(Reading.class);

    /** What a target may ask for. Longer ones are mistakes, such as a time in milliseconds. */
    static final Duration LONGEST_WAIT = Duration.ofHours(24);

    private static final String RETRY_AFTER = "retry-after";
    private static final String DATE = "date";
    private static final int GONE = 410;
    private static final int NOT_RETRYABLE = 489;
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int UNAVAILABLE = 503;
    private static final int LONGEST_DATE = 64;
    private static final int MOST_DIGITS = 18; // of a long, whatever they are
    private static final Pattern SECONDS = Pattern.compile("\\d+");
    private static final Pattern INVISIBLE = Pattern.compile("[\\p{Cntrl}\\s]+");
    private static final int SHOWN = 300;

    private final String target;
    private final Set<Integer> deadStatuses;
    private final JsonCodec json = JsonCodec.withLimit(PushTarget.Builder.MAX_RESULT);
    private final AtomicBoolean longResultTold = new AtomicBoolean();

    Reading(PushTarget target) {
        this.target = target.name();
        this.deadStatuses = target.deadStatuses();
    }

    /** The result, a verdict, or the failure of this attempt. */
    Mono<Object> of(Answer answer, long nowMs) {
        if (answer.isSuccess()) {
            return Mono.justOrEmpty(result(answer));
        }
        int status = answer.status();
        if (status == GONE || status == NOT_RETRYABLE || deadStatuses.contains(status)) {
            return Mono.just(Verdict.dead(Failure.of("rejected", sentence(answer))));
        }
        Optional<Duration> wait =
                status == TOO_MANY_REQUESTS || status == UNAVAILABLE ? wait(answer.headers(), nowMs) : Optional.empty();
        NotDeliveredException failure = new NotDeliveredException(sentence(answer));
        return wait.isPresent() ? Mono.just(Verdict.retry(wait.get(), failure)) : Mono.error(failure);
    }

    /** JSON as it is, anything else as text; none if it is empty, or too long: the task is done all the same. */
    private Optional<Object> result(Answer answer) {
        if (!answer.isWhole()) {
            tellOfALongResult();
            return Optional.empty();
        }
        if (answer.body().length == 0) {
            return Optional.empty();
        }
        byte[] utf8 = answer.utf8();
        return Optional.of(answer.isJson() && isJson(utf8) ? utf8 : answer.text());
    }

    private boolean isJson(byte[] body) {
        try {
            json.encode(body);
            return true;
        } catch (SluiceException other) {
            return false;
        }
    }

    private void tellOfALongResult() {
        if (longResultTold.compareAndSet(false, true)) {
            log.atWarn()
                    .addKeyValue("target", target)
                    .log("An answer is longer than a result may be: its task is done and has none");
        }
    }

    /** What a {@code Retry-After} asks for, in seconds or as a date; empty if that cannot be read, or is no time at all. */
    private static Optional<Duration> wait(HttpHeaders headers, long nowMs) {
        String text = headers.get(RETRY_AFTER, "").strip();
        if (SECONDS.matcher(text).matches()) {
            return bounded(text.length() > MOST_DIGITS ? Long.MAX_VALUE : Long.parseLong(text), 1000);
        }
        Instant date = date(text);
        if (date == null) {
            return Optional.empty();
        }
        Instant theirs = date(headers.get(DATE, "")); // whose clock may differ from ours
        return bounded(date.toEpochMilli() - (theirs == null ? nowMs : theirs.toEpochMilli()), 1);
    }

    private static @Nullable Instant date(String text) {
        var date = text.isEmpty() || text.length() > LONGEST_DATE ? null : DateFormatter.parseHttpDate(text);
        return date == null ? null : date.toInstant();
    }

    private static Optional<Duration> bounded(long wait, int unitMs) {
        long most = LONGEST_WAIT.toMillis() / unitMs;
        return wait <= 0 ? Optional.empty() : Optional.of(Duration.ofMillis(Math.min(wait, most) * unitMs));
    }

    private String sentence(Answer answer) {
        String body = INVISIBLE.matcher(answer.text()).replaceAll(" ").strip();
        String shown = body.length() > SHOWN ? body.substring(0, SHOWN) + "…" : body;
        return target + " answered " + answer.status() + (shown.isEmpty() ? "" : ": " + shown);
    }
}
