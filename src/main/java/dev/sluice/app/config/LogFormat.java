package dev.sluice.app.config;

/** How the log is written. */
public enum LogFormat {
    /** Lines for a person. */
    TEXT,
    /** One JSON object a line, for a program that collects them. */
    JSON
}
