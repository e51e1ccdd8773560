package dev.sluice.readme;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The fenced blocks of one page, so that a test can run what the page shows. */
final class Markdown {
    static final Markdown README = read("README.md");
    static final Markdown PROTOCOL = read("src/docs/protocol.md");

    private final String text;
    private final List<Block> blocks = new ArrayList<>();

    private Markdown(String text) {
        this.text = text;
        String heading = "";
        String language = null;
        StringBuilder block = new StringBuilder();
        for (String line : text.lines().toList()) {
            if (language == null && line.startsWith("#")) {
                heading = line.replaceFirst("^#+ +", "");
            } else if (language == null && line.startsWith("```")) {
                language = line.substring(3).strip();
                block.setLength(0);
            } else if (language != null && line.startsWith("```")) {
                blocks.add(new Block(heading, language, block.toString()));
                language = null;
            } else {
                block.append(line).append('\n');
            }
        }
    }

    static Markdown read(String file) {
        try {
            return new Markdown(Files.readString(Path.of(System.getProperty("basedir", "."), file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String text() {
        return text;
    }

    /** What its blocks are written in, each once. */
    Set<String> languages() {
        return blocks.stream().map(Block::language).collect(Collectors.toSet());
    }

    /** The texts of all blocks in a language, in their order. */
    List<String> blocksIn(String language) {
        return blocks.stream()
                .filter(block -> block.language.equals(language))
                .map(Block::text)
                .toList();
    }

    /** The blocks of any language below the one heading that begins with these words, up to the next heading. */
    List<String> blocksUnder(String heading) {
        return blocks.stream()
                .filter(block -> block.heading.startsWith(heading))
                .map(Block::text)
                .toList();
    }

    record Block(String heading, String language, String text) {}
}
