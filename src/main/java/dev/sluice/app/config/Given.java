package dev.sluice.app.config;

/** A value as somebody wrote it, variables filled in, and where. */
record Given(String text, Source source) {}
