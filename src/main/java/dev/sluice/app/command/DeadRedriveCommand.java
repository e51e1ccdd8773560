package dev.sluice.app.command;

import dev.sluice.app.console.Terminal;
import dev.sluice.client.DeadLetterFilter;
import dev.sluice.client.DeadLetterProgress;
import dev.sluice.client.DeadLetters;
import java.util.Locale;
import picocli.CommandLine.Command;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** {@code sluice dead redrive}: runs dead letters again. */
@Command(
        name = "redrive",
        description = {
            "Puts dead letters back at the end of their queue, as if they had never failed.",
            "A task whose id lives again is left alone and counted as refused ('live')."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        footer = {
            "",
            "With a filter it takes those that were dead when it began, the earliest death first. Interrupted, it may be given"
                    + " again.",
            "",
            "Examples:",
            "  java -jar sluice-server.jar dead redrive task_queue mail-1 mail-2",
            "  java -jar sluice-server.jar dead redrive task_queue --error SocketTimeout --since 2026-11-24T10:00:00Z",
            "  java -jar sluice-server.jar dead redrive task_queue --all --dry-run",
            "",
            "Exit codes: 0 done, or nothing matched; 1 an id is unknown or lives, or Redis did not take it; 2 the command line is"
                    + " wrong."
        })
final class DeadRedriveCommand extends DeadChange {

    DeadRedriveCommand(Terminal terminal) {
        super(terminal, "redriven");
    }

    @Override
    Mono<String> one(DeadLetters letters, String id) {
        return letters.redrive(id).map(outcome -> outcome.name().toLowerCase(Locale.ROOT));
    }

    @Override
    Flux<DeadLetterProgress> each(DeadLetters letters, DeadLetterFilter wanted) {
        return letters.redriveAll(wanted);
    }

    @Override
    void confirm(boolean everything) {
        // A redrive can be undone by nobody, but loses nothing.
    }
}
