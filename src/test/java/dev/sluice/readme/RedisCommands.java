package dev.sluice.readme;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads Redis commands as a page shows them: one a line, quoted as in a shell, with or without {@code redis-cli}. */
final class RedisCommands {
    private static final Pattern WORD = Pattern.compile("'([^']*)'|\"((?:\\\\.|[^\"\\\\])*)\"|(\\S+)");

    private RedisCommands() {}

    static List<String[]> of(String block) {
        List<String[]> commands = new ArrayList<>();
        block.lines()
                .map(RedisCommands::words)
                .filter(words -> words.length > 0)
                .forEach(commands::add);
        return commands;
    }

    private static String[] words(String line) {
        List<String> words = new ArrayList<>();
        Matcher word = WORD.matcher(line.startsWith("#") ? "" : line);
        while (word.find()) {
            if (word.group(1) != null) {
                words.add(word.group(1));
            } else if (word.group(2) != null) {
                words.add(word.group(2).replaceAll("\\\\(.)", "$1"));
            } else {
                words.add(word.group(3));
            }
        }
        if (!words.isEmpty() && words.get(0).equals("redis-cli")) {
            words.remove(0);
        }
        return words.toArray(String[]::new);
    }
}
