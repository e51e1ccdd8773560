package dev.sluice.dispatch;

/** Who takes the tasks of a queue: handlers, or a subscriber of {@code receive}. All methods: loop thread only. */
interface Consumer {
    /** How many more tasks it takes beyond those it was given; {@link Long#MAX_VALUE} = any number. */
    long demand();

    /** Takes these tasks. Returns at once: user code runs elsewhere. */
    void accept(Batch batch);

    /** Whether there is a handler for this type. */
    boolean handles(String type);

    /** Is told about a batch whose tasks nobody has started for a while. */
    void stuck(Batch batch);
}
