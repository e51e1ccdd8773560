package dev.sluice.observe;

/** Nobody is listening. */
enum Silent implements Observer {
    INSTANCE
}
