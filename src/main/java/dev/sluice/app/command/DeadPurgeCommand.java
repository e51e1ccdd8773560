package dev.sluice.app.command;

import dev.sluice.app.console.Refusal;
import dev.sluice.app.console.Terminal;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetterProgress;
import dev.sluice.client.DeadLetters;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code sluice dead purge}: throws dead letters away. */
@Command(
        name = "purge",
        description = "Removes dead letters for good.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "With a filter it takes those that were dead when it began, the earliest death first. Interrupted, it may be given"
                    + " again.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar dead purge task_queue mail-1",
            "  java -jar sluice-server.jar dead purge task_queue --older-than 720h --dry-run",
            "  java -jar sluice-server.jar dead purge task_queue --all --yes",
            "",
            "Exit codes: 0 done, or nothing matched; 1 an id is unknown, or Redis did not take it; 2 the command line is wrong."
        })
final class DeadPurgeCommand extends DeadChange {
    @Option(names = "--yes", description = "Yes, --all of them.")
    private boolean yes;

    DeadPurgeCommand(Terminal terminal) {
        super(terminal, "purged");
    }

    @Override
    Mono<String> one(DeadLetters letters, String id) {
        return letters.purge(id).map(purged -> purged ? "purged" : "unknown");
    }

    @Override
    Flux<DeadLetterProgress> each(DeadLetters letters, DeadLetterFilter wanted) {
        return letters.purgeAll(wanted);
    }

    @Override
    void confirm(boolean everything) {
        if (everything && !yes) {
            throw Refusal.mistaken(
                    "--all removes every dead letter of the queue for good: add --yes, or --dry-run to see"
                            + " how many there are");
        }
    }
}
