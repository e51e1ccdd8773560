package dev.sluice.app;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the README's first command does, with the jar that the build has just made. */
@Tag("packaged")
@Timeout(180)
class ServerJarScenarioTest {

    @Test
    void theJarAloneShowsTheDemoServesAndStops() throws Exception {
        try (Program program = Program.startJar("run")) {
            program.lineWith("Ctrl-C stops.");
            assertThat(program.out()).contains("100,000 of 100,000 handled", "left in task_status   none");

            program.signal("TERM");

            assertThat(program.exit()).isZero();
            assertThat(program.err()).isEmpty();
        }
    }

    @Test
    void itKnowsWhatItWasBuiltFrom() throws Exception {
        try (Program program = Program.startJar("--version")) {
            assertThat(program.exit()).isZero();
            assertThat(program.out()).matches("sluice \\d+\\.\\d+\\.\\d+ \\(revision \\S+, Java \\d+\\)");
        }
    }
}
