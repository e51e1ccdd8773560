package dev.sluice.app.console;

/** Why a command ends without success, in a sentence for the person who typed it; no stack trace is shown. */
public final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    private Refusal(int exitCode, String sentence) {
        super(sentence, null, false, false);
        this.exitCode = exitCode;
    }

    /** It could not be done: exit code 1. */
    public static Refusal failed(String sentence) {
        return new Refusal(1, sentence);
    }

    /** It was asked for wrongly: exit code 2. */
    public static Refusal mistaken(String sentence) {
        return new Refusal(2, sentence);
    }

    /** It was asked for wrongly, as {@code mistake} says: exit code 2. */
    public static Refusal mistaken(RuntimeException mistake) {
        return mistaken(String.valueOf(mistake.getMessage()));
    }

    /** The same with more behind its sentence. */
    public Refusal and(String more) {
        return new Refusal(exitCode, getMessage() + more);
    }

    public int exitCode() {
        return exitCode;
    }
}
