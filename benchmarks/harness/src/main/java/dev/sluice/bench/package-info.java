/** Puts Sluice under load on a real Redis, and says what that took. Blocks where it waits: nothing here is library code. */
package dev.sluice.bench;
