/**
 * Faults on purpose, seen from outside: dispatchers behind a proxy that breaks their connections or in processes of their
 * own that are killed and frozen, on real Redis servers, and a checker that reads afterwards what every one of them did.
 *
 * <p>Nothing here knows how Sluice stores its tasks: only the public API and what handlers and observers are told.
 */
package dev.sluice.faults;
