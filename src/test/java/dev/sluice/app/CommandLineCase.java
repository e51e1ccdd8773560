package dev.sluice.app;

import dev.sluice.app.console.Terminal;
import dev.sluice.app.serve.HeadStart;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** One command in this process: what was typed and piped in, what came out of it. */
record CommandLineCase(int exit, String out, String err) {

    static CommandLineCase run(String... arguments) {
        return piped("", arguments);
    }

    static CommandLineCase piped(String in, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal =
                new Terminal(new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)), out, err, false);
        int exit = Main.execute(terminal, HeadStart.none(), arguments);
        return new CommandLineCase(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** The same with {@code --redis url} behind it. */
    static CommandLineCase at(String url, String in, String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        int end = all.indexOf("--");
        all.addAll(end < 0 ? all.size() : end, List.of("--redis", url));
        return piped(in, all.toArray(String[]::new));
    }
}
