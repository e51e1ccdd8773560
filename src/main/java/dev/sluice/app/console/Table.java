package dev.sluice.app.console;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Help.Ansi;

/** Rows of text in columns that are as wide as what is in them, on a screen where some scripts take two cells a letter. */
public final class Table {
    private static final String GAP = "  ";
    private static final String NOT_COUNTED = "-";

    private final List<List<String>> rows = new ArrayList<>();

    public Table(String... titles) {
        row((Object[]) titles);
    }

    /** Adds a row; columns of numbers stand to the right. */
    public Table row(Object... cells) {
        List<String> row = new ArrayList<>();
        for (Object cell : cells) {
            row.add(printable(String.valueOf(cell)));
        }
        rows.add(row);
        return this;
    }

    /** The lines, the titles first, in bold if colours are wanted. */
    public String[] lines(boolean coloured) {
        int[] widths = new int[rows.get(0).size()];
        for (List<String> row : rows) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], width(row.get(i)));
            }
        }
        boolean[] numbers = new boolean[widths.length];
        for (int i = 0; i < widths.length; i++) {
            int column = i;
            numbers[i] = rows.stream().skip(1).allMatch(row -> isNumber(row.get(column)));
        }
        List<String> lines = new ArrayList<>();
        for (List<String> row : rows) {
            lines.add(line(row, widths, numbers));
        }
        if (coloured) {
            lines.set(0, Ansi.ON.string("@|bold " + lines.get(0) + "|@"));
        }
        return lines.toArray(String[]::new);
    }

    /** Other people's text must not steer the terminal. */
    public static String printable(String text) {
        StringBuilder clean = new StringBuilder(text.length());
        text.codePoints()
                .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? ' ' : c)
                .forEach(clean::appendCodePoint);
        return clean.toString();
    }

    private static String line(List<String> row, int[] widths, boolean[] numbers) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String cell = row.get(i);
            String blanks = " ".repeat(widths[i] - width(cell));
            line.append(i == 0 ? "" : GAP).append(numbers[i] ? blanks + cell : cell + blanks);
        }
        return line.toString().stripTrailing();
    }

    private static boolean isNumber(String cell) {
        return cell.equals(NOT_COUNTED)
                || (!cell.isEmpty() && cell.chars().allMatch(c -> (c >= '0' && c <= '9') || c == ','));
    }

    private static int width(String text) {
        return text.codePoints().map(Table::cells).sum();
    }

    private static int cells(int c) {
        int kind = Character.getType(c);
        if (kind == Character.NON_SPACING_MARK || kind == Character.ENCLOSING_MARK) {
            return 0;
        }
        boolean wide = (c >= 0x1100 && c <= 0x115f) // Hangul, then CJK up to Yi, and so on: East Asian Wide
                || (c >= 0x2e80 && c <= 0xa4cf)
                || (c >= 0xac00 && c <= 0xd7a3)
                || (c >= 0xf900 && c <= 0xfaff)
                || (c >= 0xfe30 && c <= 0xfe6f)
                || (c >= 0xff00 && c <= 0xff60)
                || (c >= 0x1f300 && c <= 0x1faff)
                || (c >= 0x20000 && c <= 0x3fffd);
        return wide ? 2 : 1;
    }
}
