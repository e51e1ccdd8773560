package dev.sluice.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The verbs of the protocol, one Lua file each. In front of every one stands what it uses of {@code common.lua}: Redis makes each
 * function of a script anew whenever it runs, and for a lone task that is a good part of the script's time.
 */
final class Script {
    private static final Pattern COMMENT = Pattern.compile("(?m)^\\s*--.*$");
    private static final Pattern WORD = Pattern.compile("\\w+");
    private static final Pattern DEFINITION = Pattern.compile("(?m)^local (?:function )?(\\w+(?:,\\s*\\w+)*)");

    /** Its paragraphs, each with a definition or several, and none that needs a later one; the first is everybody's. */
    private static final List<String> COMMON = List.of(resource("common.lua").split("\n\n"));

    static final Script CANCEL = new Script("cancel");
    static final Script JOIN = new Script("join");
    static final Script ENQUEUE = new Script("enqueue");
    static final Script EXCHANGE = new Script("exchange");
    static final Script HEARTBEAT = new Script("heartbeat");
    static final Script RECOVER = new Script("recover");
    static final Script PAUSE = new Script("pause");
    static final Script UPKEEP = new Script("upkeep");
    static final Script BROWSE = new Script("browse");
    static final Script REDRIVE = new Script("redrive");
    static final Script PURGE = new Script("purge");
    static final Script TRIM = new Script("trim");
    static final Script INSPECT = new Script("inspect");
    static final Script REPAIR = new Script("repair");
    static final Script BURY = new Script("bury");
    static final Script EXPLAIN = new Script("explain");
    static final Script PLAN = new Script("plan");
    static final Script AGENDA = new Script("agenda");
    static final Script FIRE = new Script("fire");
    static final Script SURVEY = new Script("survey");
    static final Script LOOK = new Script("look");
    static final Script LISTEN = new Script("listen");
    static final Script SWEEP = new Script("sweep");
    static final Script PROGRESS = new Script("progress");
    static final Script NOTE = new Script("note");

    private final byte[] text;
    private final byte[] sha;

    private Script(String verb) {
        this.text = withCommon(resource(verb + ".lua")).getBytes(StandardCharsets.UTF_8);
        this.sha = HexFormat.of().formatHex(sha1(text)).getBytes(StandardCharsets.US_ASCII);
    }

    /** A word that happens to be the name of something is taken for its use: what is used is never left out. */
    private static String withCommon(String verb) {
        Set<String> used = wordsOf(verb);
        Deque<String> text = new ArrayDeque<>(List.of(verb));
        for (int i = COMMON.size() - 1; i >= 0; i--) {
            String paragraph = COMMON.get(i);
            if (i == 0 || !Collections.disjoint(used, definedIn(paragraph))) {
                used.addAll(wordsOf(paragraph));
                text.addFirst(paragraph);
            }
        }
        return String.join("\n\n", text);
    }

    private static Set<String> definedIn(String paragraph) {
        return DEFINITION
                .matcher(paragraph)
                .results()
                .flatMap(definition -> wordsOf(definition.group(1)).stream())
                .collect(Collectors.toSet());
    }

    private static Set<String> wordsOf(String code) {
        return WORD.matcher(COMMENT.matcher(code).replaceAll(""))
                .results()
                .map(MatchResult::group)
                .collect(Collectors.toCollection(HashSet::new));
    }

    /** Reads every file now: call it where reading files is welcome, so that no event loop does it at first use. */
    static void load() {
        // The class initializer has done it when this is called.
    }

    byte[] text() {
        return text;
    }

    byte[] sha() {
        return sha;
    }

    private static String resource(String file) {
        try (InputStream in = Script.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks dev/sluice/redis/" + file);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read dev/sluice/redis/" + file, e);
        }
    }

    private static byte[] sha1(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-1").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-1", e);
        }
    }
}
