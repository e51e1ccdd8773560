package dev.sluice.task;

import java.util.Locale;

/**
 * One thing that is wrong with what a queue has stored.
 *
 * @param kind what is wrong, with a stable code and what to do about it
 * @param subject the id, or the key, dispatcher or field
 * @param detail where it was found and how it looks
 * @param repaired whether it has just been put in order
 */
public record Finding(Kind kind, String subject, String detail, boolean repaired) {

    /** What can be wrong. {@link #code} never changes; the words may. */
    public enum Kind {
        /** Nothing can be read or written through this key. */
        WRONG_TYPE(
                Cure.BY_HAND,
                "a key of another type is in the way",
                "Rename it away: it belongs to another program. Until then every call on this queue fails."),
        /** A field of the queue's record that cannot be read. */
        META_FIELD(
                Cure.REPAIR,
                "a field of the queue's record cannot be read",
                "--repair removes a count or time, which the next call writes anew, or sets one to now that must not go back; for protocol, delivery and status-key"
                        + " stop the dispatchers and set what they are configured with."),
        /** A dispatcher died, and nobody would ever take its tasks back. */
        CLAIMED_BY_NOBODY(
                Cure.REPAIR,
                "a claimed hash whose dispatcher is no member",
                "Upkeep finds it within an hour; --repair lists the dispatcher as lapsed, so that the next round takes its"
                        + " tasks back."),
        /** A dispatcher that went long ago and held nothing. */
        MEMBER_WITHOUT_HASH(
                Cure.REPAIR,
                "a member that holds nothing and went silent long ago",
                "A running dispatcher removes it; --repair does it now."),
        /** Tasks of a dead dispatcher that wait for a living one. */
        LAPSED_UNRECOVERED(
                Cure.DOUBT,
                "a dispatcher that went silent long ago and still holds its tasks",
                "Start a dispatcher of this queue: it takes them back within two seconds; at-most-once it says that they are lost."),
        /** A claim whose task is gone. */
        CLAIMED_WITHOUT_BODY(
                Cure.REPAIR,
                "a claimed task without a body",
                "Somebody deleted it; it cannot be run. --repair drops the claim and counts it as bodiless."),
        /** A task that two dispatchers hold. */
        CLAIMED_TWICE(Cure.BY_HAND, "an id claimed twice", "It ends with the first that settles it: look again later."),
        /** A task that is in no list, no claim and no delay: it would never run. */
        BODY_WITHOUT_OWNER(
                Cure.REPAIR,
                "a body that nobody holds: its task is stuck",
                "--repair puts it back at the head of the ready list."),
        /** What is stored for a task is no frame of it. */
        BODY_UNREADABLE(
                Cure.REPAIR,
                "a body that cannot be read, or belongs to another id",
                "--repair puts its bytes on the ready list, where they are run or end as a dead letter with the reason."),
        /** A delay whose task is gone. */
        DELAYED_WITHOUT_BODY(
                Cure.REPAIR,
                "a delayed task without a body",
                "Somebody deleted it; it cannot be run. --repair drops the delay and counts it as bodiless."),
        /** A dead letter of which only the time is left. */
        DEAD_WITHOUT_RECORD(
                Cure.REPAIR, "a dead letter without its record", "Somebody deleted it. --repair drops its time."),
        /** A dead letter that no list of dead letters shows. */
        RECORD_WITHOUT_TIME(
                Cure.REPAIR,
                "a dead record without its time",
                "--repair gives it the present time, so that it shows again."),
        /** A word that says that a task lives which is nowhere. */
        STATUS_GHOST(
                Cure.REPAIR,
                "a status of a task that is nowhere",
                "A client that lost its task, or wrote late. --repair removes it."),
        /** A word that says something else than where the task is. */
        STATUS_FALSE(
                Cure.REPAIR,
                "a status that is not true",
                "--repair writes what is true, or removes it if the task is nowhere."),
        /** A task that nobody can ask after. */
        STATUS_MISSING(Cure.REPAIR, "a live task without a status", "--repair writes what is true."),
        /** One id, two tasks. */
        TWO_PLACES(
                Cure.BY_HAND,
                "an id in two places",
                "A claim drops a copy that is proved and keeps what differs as a dead letter: look again when it has run."),
        /** A foreign id whose status nobody would look after. */
        LATE_MARK(
                Cure.REPAIR,
                "a mark for a late status with a time that cannot be",
                "--repair sets it to now, so that upkeep looks after it."),
        /** A report of progress that outlived its task. */
        PROGRESS_OF_NOBODY(
                Cure.REPAIR,
                "a report of progress of a task that does not run",
                "Somebody deleted its task. --repair removes the report."),
        /** A request to stop a task that is still there when its task is not. */
        CANCEL_OF_NOBODY(
                Cure.REPAIR,
                "a request to stop a task that does not run",
                "It might stop the next one of that id. --repair removes it."),
        /** A mark by which claims would drop a task, of which no list holds an element. */
        MARK_OF_NOBODY(
                Cure.REPAIR,
                "a mark of a cancelled task that is in no list",
                "It would drop the next one that a foreign client pushes with that id. --repair removes it."),
        /** The doorbell holds more than the one token that is enough. */
        BELL_TOKENS(
                Cure.REPAIR,
                "several tokens at the doorbell",
                "Each wakes a dispatcher for nothing. --repair leaves one."),
        /** A key of which Redis would remove everything at once. */
        KEY_EXPIRES(
                Cure.REPAIR,
                "a key of the queue that is going to expire",
                "Somebody gave it a time to live: then all that it holds is gone at once. --repair takes that time away."),
        /** A result that is kept without an end, or the like. */
        NEVER_EXPIRES(
                Cure.BY_HAND,
                "a key that Sluice lets expire and that never will",
                "Somebody took its time to live away. PEXPIRE it, or DEL it."),
        /** A schedule whose due time is gone: nobody would fire it, and no page would list it. */
        SCHEDULE_NEVER_DUE(
                Cure.REPAIR,
                "a schedule that has no due time",
                "--repair makes it due now: it goes on with its next tick. A paused one is listed again, and stays paused."),
        /** A schedule of which a part is missing or is not what Sluice writes. */
        SCHEDULE_BROKEN(
                Cure.BY_HAND,
                "a schedule that cannot be fired",
                "Declare it again, or remove it: schedules add --replace, schedules rm."),
        /** What is left of a schedule that somebody deleted. */
        SCHEDULE_REMAINS(
                Cure.REPAIR,
                "a part of a schedule that is no more",
                "Somebody deleted its record. --repair removes the rest."),
        /** At-most-once: what is taken is nowhere but with who took it, and no dispatcher of Sluice says that it did. */
        RUNNING_OR_LOST(
                Cure.DOUBT,
                "a task that runs where Sluice does not know of it, or was lost there",
                "At-most-once, and no dispatcher of Sluice has it: if no other worker runs it, HDEL its status.");

        private enum Cure {
            REPAIR,
            BY_HAND,
            DOUBT
        }

        private final Cure cure;
        private final String meaning;
        private final String advice;

        Kind(Cure cure, String meaning, String advice) {
            this.cure = cure;
            this.meaning = meaning;
            this.advice = advice;
        }

        /** The stable word for programs, such as {@code body-without-owner}. */
        public String code() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** What is wrong, in words. */
        public String meaning() {
            return meaning;
        }

        /** What to do. */
        public String advice() {
            return advice;
        }

        /** Whether it may as well be in order, because Redis holds nothing that would tell. */
        public boolean isDoubt() {
            return cure == Cure.DOUBT;
        }

        /** Whether a repair puts it in order. */
        public boolean isRepairable() {
            return cure == Cure.REPAIR;
        }
    }
}
