package dev.sluice.app.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TableTest {

    @Test
    void aColumnOfNumbersStandsToTheRightAlsoWhereOneIsNotCounted() {
        assertThat(new Table("QUEUE", "N")
                        .row("a", 1)
                        .row("b", 1_000)
                        .row("c", "-")
                        .lines(false))
                .containsExactly("QUEUE     N", "a         1", "b      1000", "c         -");
    }

    @Test
    void aNumberAmongWordsStandsWhereTheyDo() {
        assertThat(new Table("KEY", "VALUE", "SOURCE")
                        .row("a", "embedded", "x")
                        .row("b", 3, "y")
                        .lines(false))
                .containsExactly("KEY  VALUE     SOURCE", "a    embedded  x", "b    3         y");
    }
}
