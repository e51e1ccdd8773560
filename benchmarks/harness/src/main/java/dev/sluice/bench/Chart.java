package dev.sluice.bench;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.CategoryStyler;
import org.knowm.xchart.style.Styler.LegendPosition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Draws what {@link Rivals} measured, once for a light page and once for a dark one. */
@Command(
        name = "chart",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Draws the rates at which a run of `rivals` drained, from its --json file, as NAME-light.png and"
                + " NAME-dark.png beside it.")
final class Chart implements Callable<Integer> {
    private static final String FIGURE = "drain/s";
    private static final String NONE = "none";
    private static final String SURE = "at-least-once";
    private static final int DOTS_PER_INCH = 144; // twice what a page shows, for sharp screens

    @Parameters(paramLabel = "FILE", description = "What `rivals --json FILE` wrote.")
    private Path file;

    @Option(names = "--to", paramLabel = "DIR", description = "Where the pictures go; default: beside FILE.")
    private Path to;

    @Override
    public Integer call() throws IOException {
        JsonNode run = read();
        List<Bar> bars = bars(run.path("results"));
        if (bars.isEmpty()) {
            throw new IllegalArgumentException(file + " has no figure '" + FIGURE + "': it is not what rivals --json writes");
        }
        Path folder = to == null ? file.toAbsolutePath().getParent() : Files.createDirectories(to);
        String name = file.getFileName().toString().replaceFirst("\\.json$", "");
        for (Page page : Page.values()) {
            Path picture = folder.resolve(name + "-" + page.word + ".png");
            BitmapEncoder.saveBitmapWithDPI(
                    drawn(bars, title(run.path("surroundings")), page),
                    picture.toString(),
                    BitmapFormat.PNG,
                    DOTS_PER_INCH);
            System.out.println(picture);
        }
        return 0;
    }

    private JsonNode read() throws IOException {
        if (!Files.isReadable(file)) {
            throw new IllegalArgumentException("cannot read " + file);
        }
        try {
            return new JsonMapper().readTree(Files.readAllBytes(file));
        } catch (JacksonException noJson) {
            throw new IllegalArgumentException(file + " is no JSON", noJson);
        }
    }

    /** From the fastest to the slowest. Who dispatches nothing, such as Redis itself, is left out. */
    private static List<Bar> bars(JsonNode results) {
        List<Bar> bars = new ArrayList<>();
        results.properties().forEach(entry -> {
            JsonNode rate = entry.getValue().path("medians").path(FIGURE);
            String guarantee = entry.getValue().path("guarantee").asString();
            if (rate.isNumber() && !guarantee.equals(NONE)) {
                bars.add(new Bar(entry.getKey(), guarantee.equals(SURE), rate.asDouble()));
            }
        });
        bars.sort(Comparator.comparingDouble(Bar::rate).reversed());
        return bars;
    }

    private static String title(JsonNode surroundings) {
        return "No-op tasks drained per second, " + surroundings.path("date").asString().substring(0, 10) + ", Redis "
                + surroundings.path("redis").asString() + ", " + surroundings.path("processors").asString()
                + " cores of an " + surroundings.path("cpu").asString() + " (logarithmic)";
    }

    private static CategoryChart drawn(List<Bar> bars, String title, Page page) {
        CategoryChart chart =
                new CategoryChartBuilder().width(940).height(430).title(title).build();
        add(chart, SURE, bars, true);
        add(chart, "at-most-once", bars, false);
        page.dress(chart.getStyler());
        return chart;
    }

    private static void add(CategoryChart chart, String series, List<Bar> bars, boolean sure) {
        List<String> names = bars.stream().map(Bar::name).toList();
        List<Double> rates = new ArrayList<>();
        bars.forEach(bar -> rates.add(bar.sure == sure ? Double.valueOf(bar.rate) : null));
        chart.addSeries(series, names, rates);
    }

    /** One contestant. */
    private record Bar(String name, boolean sure, double rate) {}

    /** What the picture stands on. */
    private enum Page {
        LIGHT("light", new Color(0xFFFFFF), new Color(0x1F2328), new Color(0xD1D9E0), new Color(0x0969DA), new Color(0xBC4C00)),
        DARK("dark", new Color(0x0D1117), new Color(0xF0F6FC), new Color(0x3D444D), new Color(0x4493F8), new Color(0xDB6D28));

        private final String word;
        private final Color ground;
        private final Color ink;
        private final Color lines;
        private final Color[] series;

        Page(String word, Color ground, Color ink, Color lines, Color... series) {
            this.word = word;
            this.ground = ground;
            this.ink = ink;
            this.lines = lines;
            this.series = series;
        }

        private void dress(CategoryStyler styler) {
            Font small = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
            styler.setOverlapped(true);
            styler.setAvailableSpaceFill(0.8);
            styler.setSeriesColors(series);
            styler.setLabelsVisible(true);
            styler.setLabelsPosition(0.93); // inside, at the end of the bar
            styler.setLabelsFont(small);
            styler.setLabelsFontColor(Color.WHITE);
            styler.setLabelsFontColorAutomaticEnabled(false);
            styler.setYAxisLogarithmic(true);
            styler.setYAxisMin(100.0);
            styler.setDecimalPattern("#,##0");
            styler.setXAxisLabelRotation(25);
            styler.setAxisTickLabelsFont(small);
            styler.setAxisTickLabelsColor(ink);
            styler.setAxisTickMarksColor(lines);
            styler.setPlotGridVerticalLinesVisible(false);
            styler.setPlotGridLinesColor(lines);
            styler.setPlotGridLinesStroke(new BasicStroke(0.6f));
            styler.setPlotBorderVisible(false);
            styler.setPlotBackgroundColor(ground);
            styler.setChartBackgroundColor(ground);
            styler.setChartFontColor(ink);
            styler.setChartTitleFont(new Font(Font.SANS_SERIF, Font.BOLD, 14));
            styler.setLegendPosition(LegendPosition.InsideNE);
            styler.setLegendFont(small);
            styler.setLegendBackgroundColor(ground);
            styler.setLegendBorderColor(lines);
        }
    }
}
