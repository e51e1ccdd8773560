package dev.sluice.app.config;

import dev.sluice.codec.Durations;
import dev.sluice.codec.JsonCodec;
import dev.sluice.push.PushTarget;
import dev.sluice.redis.RedisUrl;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.InvalidTaskException;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.SluiceException;
import dev.sluice.task.Timing;
import dev.sluice.upkeep.Ticks;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * How the value of a setting is written: one reader for the file, the environment and flags.
 *
 * @param form what may be written, for messages and the manual
 * @param reader text to value; what it throws says what is wrong with that text
 * @param optional whether {@code none}, or nothing at all in the file, is a value, too
 */
record Kind<T>(String form, Function<String, T> reader, boolean optional) {
    static final String NONE = "none";

    private static final Pattern HOST_AND_PORT = Pattern.compile("(\\[[0-9a-fA-F:.]+]|[^\\s:\\[\\]]+):(\\d{1,5})");
    private static final int HIGHEST_PORT = 65_535;
    private static final Pattern TOKEN = Pattern.compile("[!-+\\--~]{16,256}");

    static Kind<Duration> duration(Duration least, Duration most) {
        String form = "a duration, " + Durations.text(least) + " to " + Durations.text(most);
        return new Kind<>(
                form,
                text -> {
                    Duration time = Durations.parse(text);
                    require(time.compareTo(least) >= 0 && time.compareTo(most) <= 0, form, text);
                    return time;
                },
                false);
    }

    static Kind<Integer> wholeNumber(int least, int most) {
        String form = "a whole number, " + (most == Integer.MAX_VALUE ? least + " or more" : least + " to " + most);
        return new Kind<>(
                form,
                text -> {
                    try {
                        int number = Integer.parseInt(text);
                        require(number >= least && number <= most, form, text);
                        return number;
                    } catch (NumberFormatException e) {
                        throw refused(form, text);
                    }
                },
                false);
    }

    static Kind<Double> number(double least, double most) {
        String form = "a number, " + plain(least) + " to " + plain(most);
        return new Kind<>(
                form,
                text -> {
                    try {
                        double number = new BigDecimal(text).doubleValue(); // no NaN, no Infinity, no 1d
                        require(number >= least && number <= most, form, text);
                        return number;
                    } catch (NumberFormatException e) {
                        throw refused(form, text);
                    }
                },
                false);
    }

    static Kind<Boolean> yesOrNo() {
        String form = "true or false";
        return new Kind<>(
                form,
                text -> {
                    require(text.equals("true") || text.equals("false"), form, text);
                    return text.equals("true");
                },
                false);
    }

    static Kind<DeliveryMode> delivery() {
        String form = DeliveryMode.AT_LEAST_ONCE.word() + " or " + DeliveryMode.AT_MOST_ONCE.word();
        return new Kind<>(
                form,
                text -> {
                    DeliveryMode mode = DeliveryMode.ofWord(text);
                    if (mode == null) {
                        throw refused(form, text);
                    }
                    return mode;
                },
                false);
    }

    static Kind<LogFormat> logFormat() {
        String form = "text or json";
        return new Kind<>(
                form,
                text -> {
                    require(text.equals("text") || text.equals("json"), form, text);
                    return LogFormat.valueOf(text.toUpperCase(Locale.ROOT));
                },
                false);
    }

    /** A Redis URL, or empty for the word {@code embedded}. */
    static Kind<Optional<RedisUrl>> redis() {
        return new Kind<>(
                "embedded, or a URL: redis://, rediss://, redis-sentinel://, redis-socket://",
                text -> text.equals(Catalog.EMBEDDED) ? Optional.empty() : Optional.of(RedisUrl.of(text)),
                false);
    }

    /** The path of {@code what}, or empty for none. */
    static Kind<Optional<Path>> path(String what) {
        String form = what + ", or none";
        return new Kind<>(
                form,
                text -> {
                    require(!text.isBlank(), form, text);
                    if (text.equals("~") || text.startsWith("~/")) { // of a shell's, which has not seen it
                        throw refused(what + " without '~': ${HOME} in a file, or the whole path", text);
                    }
                    try {
                        return text.equals(NONE) ? Optional.empty() : Optional.of(Path.of(text));
                    } catch (InvalidPathException e) {
                        throw refused(what, text);
                    }
                },
                true);
    }

    /** {@code HOST:PORT}, not resolved yet, or empty for none. */
    static Kind<Optional<InetSocketAddress>> listenAddress() {
        String form = "HOST:PORT, or none";
        return new Kind<>(
                form,
                text -> {
                    if (text.equals(NONE)) {
                        return Optional.empty();
                    }
                    Matcher parts = HOST_AND_PORT.matcher(text);
                    require(parts.matches() && Integer.parseInt(parts.group(2)) <= HIGHEST_PORT, form, text);
                    String host = parts.group(1);
                    return Optional.of(InetSocketAddress.createUnresolved(
                            host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
                            Integer.parseInt(parts.group(2))));
                },
                true);
    }

    /** Bearer tokens. What is wrong with one is said without it. */
    static Kind<List<String>> tokens() {
        String form = "tokens of 16 to 256 visible characters, joined by commas, or none";
        return new Kind<>(
                form,
                text -> {
                    List<String> tokens = List.of(text.split(",", -1));
                    if (!text.equals(NONE) && !tokens.stream().allMatch(TOKEN.asMatchPredicate())) {
                        throw new IllegalArgumentException("must be " + form);
                    }
                    return text.equals(NONE) ? List.of() : tokens;
                },
                true);
    }

    /** Any text. */
    static Kind<String> text(String form) {
        return new Kind<>(form, text -> text, false);
    }

    /** Text that {@code rule} finds nothing wrong with, or none. */
    static Kind<Optional<String>> optionalText(String form, Predicate<String> rule) {
        return new Kind<>(
                form + ", or none",
                text -> {
                    require(text.equals(NONE) || rule.test(text), form, text);
                    return text.equals(NONE) ? Optional.empty() : Optional.of(text);
                },
                true);
    }

    /** What follows which failure; in a file a mapping, elsewhere one text. */
    static Kind<List<FailureRule>> failureRules() {
        return new Kind<>(FailureRule.FORM, FailureRule::all, true);
    }

    /** Texts with commas in between, in a file also a list; {@code rule} throws what is wrong with them. */
    static Kind<List<String>> list(String what, Consumer<List<String>> rule) {
        String form = what + " with commas in between, or none";
        return new Kind<>(
                form,
                text -> {
                    List<String> all = text.equals(NONE) ? List.of() : partsOf(text);
                    try {
                        rule.accept(all);
                    } catch (NumberFormatException e) {
                        throw refused(form, text);
                    } catch (InvalidTaskException e) {
                        throw new IllegalArgumentException(e.getMessage(), e);
                    }
                    return all;
                },
                true);
    }

    /** Networks, of which {@code true} is all and {@code false} none. */
    static Kind<List<String>> networks() {
        return new Kind<>(
                "true, false, or networks such as 10.1.0.0/16 with commas in between",
                text -> {
                    if (text.equals("true") || text.equals("false")) {
                        return text.equals("true") ? List.of("0.0.0.0/0", "::/0") : List.of();
                    }
                    List<String> all = partsOf(text);
                    all.forEach(one -> PushTarget.to("http://localhost").allowPrivate(one));
                    return all;
                },
                false);
    }

    /** A URL to deliver to; what is wrong is told without the URL, which may hold a password. */
    static Kind<Optional<String>> pushUrl() {
        return new Kind<>(
                "an http:// or https:// URL, or none",
                text -> {
                    if (text.equals(NONE)) {
                        return Optional.empty();
                    }
                    PushTarget.to(text);
                    return Optional.of(text);
                },
                true);
    }

    static Kind<Optional<Duration>> optionalDuration(Duration least, Duration most) {
        Kind<Duration> given = duration(least, most);
        return new Kind<>(
                given.form + ", or none",
                text -> text.equals(NONE) ? Optional.empty() : Optional.of(given.reader.apply(text)),
                true);
    }

    /** An expression whose fields are looked at here already, whatever the zone. */
    static Kind<Optional<String>> cron() {
        return new Kind<>(
                "a cron expression of 5 or 6 fields, or none",
                text -> {
                    if (text.equals(NONE)) {
                        return Optional.empty();
                    }
                    try {
                        Ticks.of(Timing.cron(text, ZoneOffset.UTC));
                        return Optional.of(text);
                    } catch (InvalidTaskException e) {
                        String told = String.valueOf(e.getMessage());
                        throw new IllegalArgumentException(told.replaceFirst("^cron expression (?=')", ""), e);
                    }
                },
                true);
    }

    static Kind<ZoneId> zone() {
        return new Kind<>("a time zone", Zones::named, false);
    }

    static Kind<Misfire> misfire() {
        return word("once, skip or catch-up 1 to 100", Misfire::parse);
    }

    static Kind<Overlap> overlap() {
        return word("allow or skip", Overlap::parse);
    }

    private static <T> Kind<T> word(String form, Function<String, T> reader) {
        return new Kind<>(
                form,
                text -> {
                    try {
                        return reader.apply(text);
                    } catch (InvalidTaskException e) {
                        throw refused(form, text);
                    }
                },
                false);
    }

    static Kind<byte[]> json() {
        return new Kind<>(
                "JSON as a text",
                text -> orRefuse(() -> JsonCodec.standard().encode(text.getBytes(StandardCharsets.UTF_8))),
                false);
    }

    private static <T> T orRefuse(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (SluiceException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    /** What is wrong with that text; empty if nothing is. */
    Optional<String> objection(String text) {
        try {
            Objects.requireNonNull(reader.apply(text));
            return Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static List<String> partsOf(String text) {
        return Stream.of(text.split(",", -1)).map(String::strip).toList();
    }

    private static void require(boolean holds, String form, String text) {
        if (!holds) {
            throw refused(form, text);
        }
    }

    private static IllegalArgumentException refused(String form, String text) {
        return new IllegalArgumentException("must be " + form + ", was '" + text + "'");
    }

    static String plain(double number) {
        return BigDecimal.valueOf(number).stripTrailingZeros().toPlainString();
    }
}
