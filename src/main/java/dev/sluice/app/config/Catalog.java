package dev.sluice.app.config;

import dev.sluice.codec.Durations;
import dev.sluice.dispatch.QueueSettings;
import dev.sluice.push.PushTarget;
import dev.sluice.redis.RedisUrl;
import dev.sluice.task.DeliveryMode;
import dev.sluice.task.Misfire;
import dev.sluice.task.Overlap;
import dev.sluice.task.RetryPolicy;
import dev.sluice.task.Task;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/** Everything that can be set, in the order of {@code config/sluice.yaml}. A new setting is a line here. */
final class Catalog {
    static final String EMBEDDED = "embedded";

    /** The queue that is served where none is named: the one of the quick start, with the names it uses. */
    static final String QUICK_START_QUEUE = "task_queue";

    private static final String QUICK_START_STATUS_KEY = "task_status";
    private static final String QUICK_START_TYPE = "echo";
    private static final Duration NOTHING = Duration.ZERO;
    private static final Duration MILLISECOND = Duration.ofMillis(1);
    private static final Duration YEAR = Duration.ofDays(365);
    private static final QueueSettings QUEUE = QueueSettings.standard();
    private static final RetryPolicy RETRY = RetryPolicy.standard();
    private static final String A_URL = "http://localhost"; // for limits that do not depend on it
    private static final String TYPE = "a task type of 1 to 256 bytes";

    static final Setting<Optional<RedisUrl>> REDIS_URL = Setting.of(
                    "redis.url", Kind.redis(), EMBEDDED, "The Redis to use; embedded is a private one on 127.0.0.1.")
            .withFlag("--redis");
    static final Setting<Optional<Path>> REDIS_DATA = Setting.of(
                    "redis.data",
                    Kind.path("a folder"),
                    Kind.NONE,
                    "Where the embedded Redis keeps its tasks; with none they vanish at exit.")
            .withFlag("--data");
    static final Setting<Duration> CONNECT_TIMEOUT = Setting.of(
                    "redis.connect-timeout",
                    Kind.duration(MILLISECOND, Duration.ofHours(24)),
                    "30s",
                    "How long to wait for Redis at the start.")
            .withFlag("--connect-timeout");
    static final Setting<Duration> LEASE = Setting.of(
            "lease",
            Kind.duration(Duration.ofMillis(500), Duration.ofMinutes(10)),
            "15s",
            "How long others wait before they take the tasks of a dispatcher that went silent.");
    static final Setting<Integer> CRASH_LIMIT = Setting.of(
            "crash-limit",
            Kind.wholeNumber(1, 100),
            "3",
            "After how many deaths of its dispatcher a task becomes a dead letter.");
    static final Setting<Duration> SHUTDOWN_GRACE = Setting.of(
                    "shutdown-grace",
                    Kind.duration(NOTHING, Duration.ofHours(1)),
                    "25s",
                    "How long running tasks may take to finish at a stop.")
            .withFlag("--shutdown-grace");
    static final Setting<LogFormat> LOG_FORMAT = Setting.of(
                    "log.format", Kind.logFormat(), "text", "How events are written to standard error.")
            .withFlag("--log");

    static final Setting<Optional<InetSocketAddress>> HTTP_BIND = Setting.of(
                    "http.bind",
                    Kind.listenAddress(),
                    Kind.NONE,
                    "Where HTTP is answered; with none it is not. Port 0 takes any that is free.")
            .withFlag("--http");
    static final Setting<Boolean> HTTP_ANONYMOUS = Setting.of(
            "http.anonymous",
            Kind.yesOrNo(),
            "false",
            "Whether another address than a loopback one may be bound although there is no token.");
    static final Setting<List<String>> HTTP_READ =
            Setting.of("http.tokens.read", Kind.tokens(), Kind.NONE, "Who may look at everything.");
    static final Setting<List<String>> HTTP_PRODUCE =
            Setting.of("http.tokens.produce", Kind.tokens(), Kind.NONE, "Who may enqueue.");
    static final Setting<List<String>> HTTP_OPERATE =
            Setting.of("http.tokens.operate", Kind.tokens(), Kind.NONE, "Who may do everything.");
    static final Setting<Optional<Path>> HTTP_CERTIFICATE = Setting.of(
            "http.tls.cert-file",
            Kind.path("a PEM file"),
            Kind.NONE,
            "The certificate to show, and below it those that vouch for it. With none there is no TLS.");
    static final Setting<Optional<Path>> HTTP_KEY = Setting.of(
            "http.tls.key-file",
            Kind.path("a PEM file"),
            Kind.NONE,
            "The key to that certificate, in PKCS #8 and without a password.");
    static final Setting<Integer> HTTP_MAX_QUEUE_LENGTH = Setting.of(
            "http.max-queue-length",
            Kind.wholeNumber(0, 1_000_000_000),
            "0",
            "How many tasks may wait in a queue before more are answered with 429; 0 is no limit.");

    static final Setting<String> STATUS_KEY = Setting.of(
                    "status-key", Kind.text("a key of 1 to 512 bytes"), "", "The hash that shows the tasks' states.")
            .withStandard(queue -> isQuickStart(queue) ? QUICK_START_STATUS_KEY : "{" + queue + "}:status");
    static final Setting<DeliveryMode> DELIVERY = Setting.of(
            "delivery", Kind.delivery(), DeliveryMode.AT_LEAST_ONCE.word(), "What is promised when a worker dies.");
    static final Setting<Integer> CONCURRENCY = Setting.of(
                    "concurrency", Kind.wholeNumber(1, 100_000), "" + QUEUE.concurrency(), "Tasks held at once.")
            .withFlag("--concurrency");
    static final Setting<Duration> TIMEOUT = Setting.of(
            "timeout",
            Kind.duration(MILLISECOND, YEAR),
            Durations.text(QUEUE.timeout()),
            "Limit of one attempt; a task's own limit wins.");
    static final Setting<Integer> MAX_ATTEMPTS = Setting.of(
            "retry.max-attempts",
            Kind.wholeNumber(1, Integer.MAX_VALUE),
            "" + RETRY.maxAttempts(),
            "Attempts of a failing task, the first included.");
    static final Setting<Duration> BACKOFF_FIRST = Setting.of(
            "retry.backoff.first",
            Kind.duration(NOTHING, YEAR),
            Durations.text(RETRY.first()),
            "The wait after the first failed attempt.");
    static final Setting<Double> BACKOFF_FACTOR = Setting.of(
            "retry.backoff.factor",
            Kind.number(1, 1000),
            Kind.plain(RETRY.factor()),
            "What each further wait is multiplied with.");
    static final Setting<Duration> BACKOFF_MAX = Setting.of(
            "retry.backoff.max", Kind.duration(NOTHING, YEAR), Durations.text(RETRY.max()), "The longest wait.");
    static final Setting<Double> BACKOFF_JITTER = Setting.of(
            "retry.backoff.jitter",
            Kind.number(0, 1),
            Kind.plain(RETRY.jitter()),
            "The share of a wait that is random; it only shortens.");
    static final Setting<List<FailureRule>> RULES = Setting.of(
            "retry.rules",
            Kind.failureRules(),
            Kind.NONE,
            "What follows a failure of these classes; the first that fits decides.");
    static final Setting<Optional<String>> DEFAULT_TYPE = Setting.of(
                    "default-type",
                    Kind.optionalText(TYPE, Task::isValidType),
                    Kind.NONE,
                    "The type of tasks that name none; with none they become dead letters.")
            .withStandard(queue -> isQuickStart(queue) ? QUICK_START_TYPE : Kind.NONE);
    static final Setting<Optional<String>> PLAIN_TYPE = Setting.of(
            "plain-type",
            Kind.optionalText(TYPE, Task::isValidType),
            Kind.NONE,
            "The type that takes elements which are no JSON object; with none they become dead letters.");
    static final Setting<Boolean> FOREIGN = Setting.of(
            "foreign",
            Kind.yesOrNo(),
            "" + QUEUE.foreign(),
            "Whether other clients push to the list; false saves a connection.");
    static final Setting<Integer> MAX_LENGTH = Setting.of(
            "max-length",
            Kind.wholeNumber(0, 1_000_000_000),
            "" + QUEUE.maxLength(),
            "How many tasks may wait before an enqueue of more is refused; pushes onto the list never are. 0 is no limit.");
    static final Setting<Integer> DEAD_LETTERS_COUNT = Setting.of(
            "dead-letters.max-count",
            Kind.wholeNumber(1, 1_000_000_000),
            "" + QUEUE.deadLetters().maxCount(),
            "How many dead letters are kept; the oldest go first, for good.");
    static final Setting<Duration> DEAD_LETTERS_AGE = Setting.of(
            "dead-letters.max-age",
            Kind.duration(Duration.ofSeconds(1), Duration.ofDays(3650)),
            Durations.text(QUEUE.deadLetters().maxAge()),
            "How long a dead letter is kept.");
    static final Setting<Duration> RESULTS_AGE = Setting.of(
            "results.max-age",
            Kind.duration(NOTHING, YEAR),
            Durations.text(QUEUE.results().maxAge()),
            "How long the result of a task is kept; 0s keeps those that ask for it.");
    static final Setting<Integer> RESULTS_BYTES = Setting.of(
            "results.max-bytes",
            Kind.wholeNumber(0, 1 << 20),
            "" + QUEUE.results().maxBytes(),
            "The longest value of a result, in bytes of JSON; a longer one is left out.");

    static final Setting<Optional<String>> CALLBACK = Setting.of(
            "callback",
            Kind.optionalText(TYPE, Task::isValidType),
            Kind.NONE,
            "The type of a task that is enqueued when one of this type has ended, and tells how.");

    static final Setting<Optional<String>> PUSH_URL = Setting.of(
            "push.url",
            Kind.pushUrl(),
            Kind.NONE,
            "Where the tasks of this type are delivered; there is no delivery without it.");
    static final Setting<List<String>> PUSH_SECRETS = Setting.of(
            "push.secrets",
            Kind.list("secrets of whsec_ and base64", all -> all.forEach(PushTarget.to(A_URL)::secret)),
            Kind.NONE,
            "What deliveries are signed with, all of them at once; with none they are not.");
    static final Setting<List<String>> PUSH_ALLOW_PRIVATE = Setting.of(
            "push.allow-private",
            Kind.networks(),
            "false",
            "Which addresses other than public ones may be connected to.");
    static final Setting<Integer> PUSH_CONNECTIONS =
            Setting.of("push.connections", Kind.wholeNumber(1, 10_000), "64", "The most deliveries under way at once.");
    static final Setting<Duration> PUSH_CONNECT_TIMEOUT = Setting.of(
            "push.connect-timeout",
            Kind.duration(MILLISECOND, Duration.ofMinutes(5)),
            "10s",
            "How long a connection may take to be there.");
    static final Setting<Integer> PUSH_RESULT_LIMIT = Setting.of(
            "push.result-limit",
            Kind.wholeNumber(0, 1024 * 1024),
            "65536",
            "The longest answer that becomes a result, in bytes.");
    static final Setting<List<String>> PUSH_DEAD_ON = Setting.of(
            "push.dead-on",
            Kind.list(
                    "status codes of 300 to 599",
                    all -> all.forEach(it -> PushTarget.to(A_URL).deadOn(Integer.parseInt(it)))),
            Kind.NONE,
            "Answers that make a task a dead letter at once, besides 410 and 489.");

    static final Setting<Optional<String>> CRON =
            Setting.of("cron", Kind.cron(), Kind.NONE, "When it fires, by the clock of its zone; or every.");
    static final Setting<Optional<Duration>> EVERY = Setting.of(
            "every",
            Kind.optionalDuration(Duration.ofSeconds(1), YEAR),
            Kind.NONE,
            "The rate at which it fires, counted from 1970; or cron.");
    static final Setting<ZoneId> ZONE =
            Setting.of("zone", Kind.zone(), "UTC", "Whose clock cron goes by, such as Europe/Berlin.");
    static final Setting<Optional<String>> SCHEDULED_TYPE = Setting.of(
            "type", Kind.optionalText(TYPE, Task::isValidType), Kind.NONE, "The type of its tasks; must be set.");
    static final Setting<byte[]> PAYLOAD = Setting.of("payload", Kind.json(), "null", "The payload of its tasks.");
    static final Setting<Misfire> MISFIRE = Setting.of(
            "misfire", Kind.misfire(), Misfire.once().toString(), "What becomes of ticks that nobody fired in time.");
    static final Setting<Overlap> OVERLAP = Setting.of(
            "overlap", Kind.overlap(), Overlap.ALLOW.word(), "Whether a tick fires while the task before it lives.");

    static final List<Setting<?>> GLOBAL = List.of(
            REDIS_URL,
            REDIS_DATA,
            CONNECT_TIMEOUT,
            LEASE,
            CRASH_LIMIT,
            SHUTDOWN_GRACE,
            LOG_FORMAT,
            HTTP_BIND,
            HTTP_ANONYMOUS,
            HTTP_READ,
            HTTP_PRODUCE,
            HTTP_OPERATE,
            HTTP_CERTIFICATE,
            HTTP_KEY,
            HTTP_MAX_QUEUE_LENGTH);

    /** What is never shown. */
    static final List<Setting<?>> SECRET = List.of(HTTP_READ, HTTP_PRODUCE, HTTP_OPERATE, PUSH_SECRETS);

    static final List<Setting<?>> OF_A_QUEUE = List.of(
            STATUS_KEY,
            DELIVERY,
            CONCURRENCY,
            TIMEOUT,
            MAX_ATTEMPTS,
            BACKOFF_FIRST,
            BACKOFF_FACTOR,
            BACKOFF_MAX,
            BACKOFF_JITTER,
            RULES,
            DEFAULT_TYPE,
            PLAIN_TYPE,
            FOREIGN,
            MAX_LENGTH,
            DEAD_LETTERS_COUNT,
            DEAD_LETTERS_AGE,
            RESULTS_AGE,
            RESULTS_BYTES);

    /** What has no meaning where nothing is tried again. */
    static final List<Setting<?>> OF_RETRIES =
            List.of(MAX_ATTEMPTS, BACKOFF_FIRST, BACKOFF_FACTOR, BACKOFF_MAX, BACKOFF_JITTER, RULES);

    /** What has no meaning where no result is kept. */
    static final List<Setting<?>> OF_RESULTS = List.of(RESULTS_AGE, RESULTS_BYTES);

    /** How the tasks of a type are delivered to a URL. */
    static final List<Setting<?>> OF_A_HANDLER = List.of(
            PUSH_URL,
            PUSH_SECRETS,
            PUSH_ALLOW_PRIVATE,
            PUSH_CONNECTIONS,
            PUSH_CONNECT_TIMEOUT,
            PUSH_RESULT_LIMIT,
            PUSH_DEAD_ON);

    /** What may be written as a list in the file, too. */
    static final List<Setting<?>> LISTS = List.of(PUSH_SECRETS, PUSH_ALLOW_PRIVATE, PUSH_DEAD_ON);

    /** What a type of task may have of its own; what it does not say is the queue's, if a queue can have it. */
    static final List<Setting<?>> OF_A_TYPE =
            List.of(TIMEOUT, MAX_ATTEMPTS, BACKOFF_FIRST, BACKOFF_FACTOR, BACKOFF_MAX, BACKOFF_JITTER, RULES, CALLBACK);

    /** What a schedule of a queue consists of. */
    static final List<Setting<?>> OF_A_SCHEDULE = List.of(CRON, EVERY, ZONE, SCHEDULED_TYPE, PAYLOAD, MISFIRE, OVERLAP);

    private Catalog() {}

    private static boolean isQuickStart(String queue) {
        return queue.equals(QUICK_START_QUEUE);
    }
}
