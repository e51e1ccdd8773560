package dev.sluice.app.command;

import picocli.CommandLine.Option;

/** How a command shows its result. */
final class OutputOption {
    /** The forms of a result. */
    enum Form {
        /** Aligned text for a person. */
        table,
        /** One JSON document for a program. */
        json
    }

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORM",
            description = "How to show the result: ${COMPLETION-CANDIDATES}; default: ${DEFAULT-VALUE}.",
            defaultValue = "table")
    private Form form = Form.table;

    boolean isJson() {
        return form == Form.json;
    }
}
