package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sluice.app.console.Terminal;
import dev.sluice.app.serve.HeadStart;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void aResultThatCouldNotBeWrittenIsNoSuccess() {
        OutputStream full = new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        };

        assertThat(Main.execute(new Terminal(full, err, false), HeadStart.none(), "--help"))
                .isEqualTo(1);
        assertThat(err()).isEqualTo("sluice: not all of the output could be written" + System.lineSeparator());
    }

    @Test
    void helpNamesTheCommandsAndExamples() {
        assertThat(execute("--help")).isZero();
        assertThat(out()).contains("Usage: sluice", "run ", "Examples:", "Exit codes:");
        assertThat(err()).isEmpty();
    }

    @Test
    void helpOfRunNamesEveryOptionWithItsDefault() {
        assertThat(execute("run", "--help")).isZero();
        assertThat(out())
                .contains("--redis", "--data", "--demo", "--no-demo", "--concurrency", "--connect-timeout")
                .contains("--shutdown-grace", "--config", "--log", "256", "30s", "25s", "100000", "6379", "REDIS_URL")
                .contains("echo", "noop", "sleep {\"ms\":250}", "fail {\"message\"");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "run",
                "enqueue",
                "status",
                "queues",
                "dead",
                "dead ls",
                "dead show",
                "dead redrive",
                "dead purge",
                "cancel",
                "pause",
                "resume",
                "schedules",
                "schedules ls",
                "schedules add",
                "schedules rm",
                "schedules pause",
                "schedules resume",
                "schedules trigger",
                "doctor",
                "explain",
                "config",
                "completion",
                "help"
            })
    void everyHelpHasExamplesAndFitsAScreen(String command) {
        assertThat(execute((command + " --help").split(" "))).isZero();
        assertThat(out()).startsWith("Usage: sluice " + command + " ").contains("Example");
        assertThat(out().lines()).allMatch(line -> line.length() <= 130).noneMatch(line -> line.endsWith("redis:"));
        assertThat(err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "dead", "dead ls", "help"})
    void helpIsThatOfTheCommand(String command) {
        assertThat(execute((command + " --help").split(" "))).isZero();
        String help = out();
        out.reset();

        assertThat(execute(("help " + command).split(" "))).isZero();
        assertThat(out()).isEqualTo(help);
    }

    @Test
    void helpByItselfIsThatOfTheProgram() {
        assertThat(execute("help")).isZero();
        assertThat(out()).startsWith("Usage: sluice [-hV] COMMAND");
    }

    @Test
    void aCompletionScriptIsOneThatBashTakes() throws Exception {
        assertThat(execute("completion")).isZero();
        Process bash = new ProcessBuilder("bash", "-c", "source /dev/stdin && complete -p sluice")
                .redirectErrorStream(true)
                .start();
        try (OutputStream script = bash.getOutputStream()) {
            script.write(out.toByteArray());
        }

        assertThat(new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .contains("-F _complete_sluice")
                .hasLineCount(1);
        assertThat(out()).contains("--max-attempts", "at-most-once");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "default-type: mail.send | default-type: 'mail.send'",
                "plain-type: mail.line | plain-type: 'mail.line'",
                "types: { echo: { callback: mail.sent } } | types.echo.callback: 'mail.sent'",
                "types: { echo: {}, emial.send: { timeout: 5s } } | types.emial.send: 'emial.send'",
                "schedules: { a: { every: 1m, type: echo }, b: { every: 1m, type: emial } } | schedules.b.type: 'emial'"
            })
    void aTypeThatTheFileNamesNeedsAHandler(String settings, String told, @TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("s.yaml"), "queues: { mails: { " + settings + " } }");

        assertThat(execute("run", "--config", file.toString())).isEqualTo(2);
        assertThat(err())
                .isEqualTo("sluice: queues.mails." + told + " has no handler: there are echo, fail, noop, sleep\n");
    }

    @Test
    void configSaysWhetherTheSettingsAreRight() {
        assertThat(execute("config", "--config", "config/sluice.yaml")).isZero();
        assertThat(out().lines())
                .containsExactly("config/sluice.yaml: valid, 1 queue. See every value with --effective.");
    }

    @Test
    void configShowsEachValueAndItsSource() {
        String[] given = {"--config", "config/sluice.yaml", "--redis", "redis://ann:s3cret@host", "--concurrency", "7"};

        assertThat(execute(given, "config", "--effective")).isZero();
        assertThat(out().lines())
                .anyMatch(line -> line.matches("redis.url +redis://ann:\\*\\*\\*@host +flag --redis"))
                .anyMatch(line -> line.matches("queues.task_queue.concurrency +7 +flag --concurrency"))
                .anyMatch(line -> line.matches("lease +15s +config/sluice.yaml:\\d+"));
        assertThat(out()).doesNotContain("s3cret");

        out.reset();
        assertThat(execute(given, "config", "--effective", "-o", "json")).isZero();
        assertThat(out().lines())
                .singleElement()
                .asString()
                .startsWith("{\"file\":\"config/sluice.yaml\",\"settings\":[{")
                .endsWith("}]}")
                .contains("{\"key\":\"redis.url\",\"value\":\"redis://ann:***@host\",\"source\":\"flag --redis\"}");
    }

    @Test
    void configShowsNoRetriesAndNoResultsWhereThereAreNone(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(
                folder.resolve("s.yaml"), "queues: { clicks: { delivery: at-most-once }, mails: { concurrency: 7 } }");

        assertThat(execute("config", "--config", file.toString(), "--effective"))
                .isZero();
        assertThat(out()).contains("queues.mails.retry.max-attempts", "queues.clicks.timeout");
        assertThat(out()).doesNotContain("queues.clicks.retry", "queues.clicks.results");
    }

    @Test
    void anOptionOfOneLetterIsNotTakenForAnother() {
        assertThat(execute("-o", "json", "queues")).isEqualTo(2);
        assertThat(err()).startsWith("sluice: Unknown option").doesNotContain("Did you mean");
    }

    @Test
    void versionIsOneLine() {
        assertThat(execute("--version")).isZero();
        assertThat(out().lines()).singleElement().asString().startsWith("sluice ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`` | Missing command",
                "rum | Did you mean: run?",
                "rnu --no-demo | Did you mean: run?",
                "serve | Unknown command: 'serve'",
                "run --redsi x | Did you mean: --redis?",
                "run --handlers /no/such/folder | --handlers /no/such/folder: there is no such folder",
                "run --dta ./x | Did you mean: --data?",
                "run --handler=./x | Did you mean: --handlers?",
                "enqueu | Did you mean: enqueue",
                "stauts jobs 1 | Did you mean: status?",
                "enqueue jobs noop 1 --max-attemps 3 | Did you mean: --max-attempts?",
                "queues --limt 3 | Did you mean: --limit?",
                "queues --limit 0 | --limit must be at least 1, was 0",
                "queues -o xml | expected one of [table, json]",
                "queues {x} | a queue name must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, was '{x}'",
                "status {x} a | a queue name must be",
                "status --ouput json | Did you mean: --output",
                "status jobs | Missing required parameter: 'ID'",
                "doctor a}b | a queue name must be",
                "help ded | Did you mean: dead?",
                "help dead lz | Unknown command: 'lz'",
                "dead | Missing command",
                "dead lss jobs | Did you mean: ls?",
                "dead lss jobs | Unknown command: 'lss'",
                "dead ls a}b | a queue name must be",
                "dead ls jobs --limit 0 | --limit takes 1 to 10000, was 0",
                "dead ls jobs --since yesterday | must be a time in UTC such as 2026-11-24T10:00:00Z, was 'yesterday'",
                "dead show jobs | Missing required parameter: 'ID'",
                "dead redrive jobs | Which ones? Name ids, or use --type",
                "dead redrive jobs a --all | Ids, filters and --all exclude each other",
                "dead redrive jobs --type t --all | Ids, filters and --all exclude each other",
                "dead redrive jobs a --dry-run | --dry-run counts what a filter or --all means",
                "dead purge jobs --all | add --yes, or --dry-run",
                "dead purge jobs --older-than 7 | '7' is no duration: the unit is missing",
                "enqueue | Missing required parameter: 'QUEUE'",
                "enqueue jobs | Missing required parameter: 'TYPE'",
                "enqueue a{b}c noop | a queue name must be",
                "enqueue jobs noop {\"a\":1,} | the payload is not one well-formed JSON value: line 1, column 8",
                "enqueue jobs noop [1]{} | something follows the value at line 1, column 4",
                "enqueue jobs noop hello | line 1, column 1; JSON text needs quotes of its own",
                "enqueue jobs noop @/no/such/file | cannot read /no/such/file: there is no such file",
                "enqueue jobs noop - | standard input: the payload is not one well-formed JSON value: it is empty",
                "enqueue jobs noop 1 --timeout 5 | '5' is no duration",
                "enqueue jobs noop 1 --at tomorrow | must be a time in UTC such as 2026-11-24T10:00:00Z, was 'tomorrow'",
                "enqueue jobs noop 1 --max-attempts 0 | maxAttempts must be at least 1, was 0",
                "enqueue jobs noop 1 --header x | should be in KEY=VALUE format",
                "enqueue jobs noop 1 --delivery twice | 'twice' is none of at-least-once, at-most-once",
                "enqueue jobs noop 1 --status-key jobs | a status key must not be another key of its queue",
                "enqueue jobs --lines - --id a | with --lines each line says",
                "enqueue jobs noop --redis http://host | is no Redis URL",
                "dead purge jobs --all --yes --redis= | '' is no Redis URL",
                "completion fish | expected one of [bash, zsh]",
                "run extra | Unmatched argument at index 1: 'extra'",
                "run --concurrency many | flag --concurrency: queues.task_queue.concurrency must be a whole number, 1 to 100000",
                "run --concurrency 0 --redis redis://localhost | must be a whole number, 1 to 100000, was '0'",
                "run --connect-timeout 5 | '5' is no duration: the unit is missing, a number and ms, s, m, h or d, such as 15s",
                "run --redis localhost:6379 | 'localhost:6379' is no Redis URL: redis://",
                "run --redsi redis://:secret@host | Unknown options: '--redsi', 'redis://:***@host'",
                "run --redsi=redis://:secret@host | Unknown option: '--redsi=redis://:***@host'",
                "run redis://:secret@host | Unmatched argument at index 1: 'redis://:***@host'",
                "run --concurrency redis://:secret@host | redis://:***@host",
                "run --redis http://:secret@host | 'http://:***@host' is no Redis URL",
                "run --redis redis://:p/w@host | percent-encode",
                "run --redis redis://host?password=secret | the password stands before the host",
                "run --redis redis://host:1/abc?token=secret | 'redis://host:1/abc?token=***' has no valid database",
                "run --redis redis-sentinel://:secret@host/abc#main | 'redis-sentinel://:***@host/abc#main' has no valid database",
                "queues --redis redis://:secret@host?database=x | 'redis://:***@host?database=x' has no valid database",
                "queues --redis redis-sentinel://host:99999#main | names a sentinel without a valid port",
                "run --redis redis://host --data dir | --data belongs to the embedded Redis",
                "run --config no.yaml | no.yaml: no such file",
                "config --config no.yaml | no.yaml: no such file",
                "config --log xml | flag --log: log.format must be text or json, was 'xml'",
                "config --redsi x | Did you mean: --redis?",
                "run --demo 0 | --demo takes 1 to 10000000 tasks, was 0",
                "run --demo --no-demo | exclude each other",
                "run --redis redis-sentinel://host/0#main --demo | needs a redis:// or rediss:// URL"
            })
    void aMistakeIsASentenceAndExitCodeTwo(String line, String sentence) {
        assertThat(execute(line.isEmpty() ? new String[0] : line.split(" "))).isEqualTo(2);
        assertThat(err()).startsWith("sluice: ").contains(sentence).doesNotContain("\tat ", "secret", "p/w");
        assertThat(out()).isEmpty();
    }

    private int execute(String[] last, String... first) {
        return execute(Stream.concat(Stream.of(first), Stream.of(last)).toArray(String[]::new));
    }

    private int execute(String... arguments) {
        return Main.execute(new Terminal(out, err, false), HeadStart.none(), arguments);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
