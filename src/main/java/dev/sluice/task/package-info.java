/**
 * What a task is, where it waits, and which moves of its state are legal.
 *
 * <p>Floor 0: pure values, on nothing but the JDK. Every type is immutable or an enum and safe to share between
 * threads; nothing here blocks, schedules or talks to Redis.
 */
@NullMarked
package dev.sluice.task;

import org.jspecify.annotations.NullMarked;
