package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QueueTest {

    private static final String NAME_OF_128 = "q".repeat(128);

    @Test
    void aQueueHasDefaults() {
        Queue queue = Queue.named("emails");

        assertThat(queue.name()).isEqualTo("emails");
        assertThat(queue.statusKey()).isEqualTo("{emails}:status");
        assertThat(queue.delivery()).isEqualTo(DeliveryMode.AT_LEAST_ONCE);
        assertThat(queue).hasToString("emails");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a", "Z", "0", ".", "_", ":", "-", "task_queue", "eu:west-1.emails_v2", "..", "-x", "status"})
    void plainNamesAreTaken(String name) {
        assertThat(Queue.named(name).name()).isEqualTo(name);
    }

    @Test
    void aNameOf128CharactersIsTakenAndOneOf129IsNot() {
        assertThat(Queue.named(NAME_OF_128).name()).hasSize(128);
        assertThatThrownBy(() -> Queue.named(NAME_OF_128 + "q")).isInstanceOf(InvalidTaskException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a b",
                "a\n",
                "a\u0000",
                "{a}",
                "a{",
                "a}",
                "a/b",
                "a*",
                "a?",
                "a[b]",
                "a\\b",
                "a'b",
                "a\"b",
                "a,b",
                "a;b",
                "a|b",
                "a@b",
                "a#b",
                "a%b",
                "a+b",
                "a=b",
                "a(b)",
                "队列",
                "é",
                "ｅmails",
                "\uD83D\uDE00",
                "\uD800"
            })
    void otherNamesAreRefusedInOneLine(String name) {
        assertThatThrownBy(() -> Queue.named(name)).isInstanceOfSatisfying(InvalidTaskException.class, refused -> {
            assertThat(refused.field()).isEqualTo("queue");
            assertThat(refused.code()).isEqualTo("invalid-task");
            assertThat(refused.retryable()).isFalse();
            assertThat(refused.getMessage()).contains("1 to 128").doesNotContain("\n", "\u0000");
        });
    }

    @Test
    void aRefusedNameIsShownShortened() {
        assertThatThrownBy(() -> Queue.named("{" + "x".repeat(1_000_000)))
                .satisfies(refused -> assertThat(refused.getMessage()).hasSizeLessThan(200));
    }

    @Test
    void withersChangeOneThing() {
        Queue queue = Queue.named("task_queue").statusKey("task_status").delivery(DeliveryMode.AT_MOST_ONCE);

        assertThat(queue.name()).isEqualTo("task_queue");
        assertThat(queue.statusKey()).isEqualTo("task_status");
        assertThat(queue.delivery()).isEqualTo(DeliveryMode.AT_MOST_ONCE);
        assertThat(Queue.named("task_queue")).isNotEqualTo(queue);
    }

    @Test
    void queuesAreEqualByValue() {
        Queue one = Queue.named("a").statusKey("s");

        assertThat(Queue.named("a").statusKey("s")).isEqualTo(one).hasSameHashCodeAs(one);
        assertThat(Queue.named("b").statusKey("s")).isNotEqualTo(one);
        assertThat(Queue.named("a").statusKey("t")).isNotEqualTo(one);
        assertThat(one.delivery(DeliveryMode.AT_MOST_ONCE)).isNotEqualTo(one);
        assertThat(Queue.named("a").statusKey("{a}:status")).isEqualTo(Queue.named("a"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "{a}:ready", "{a}:", "{a}:status:x", "{b}:ready", "{b}:status", "s\n", "s\uDC00"})
    void aStatusKeyThatWouldMeetAnotherKeyIsRefused(String key) {
        assertThatThrownBy(() -> Queue.named("a").statusKey(key))
                .isInstanceOfSatisfying(
                        InvalidTaskException.class,
                        refused -> assertThat(refused.field()).isEqualTo("statusKey"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"task_status", "{a}status", "{a}", "{b}", "{b}s:x", "状态", "s t"})
    void otherStatusKeysAreTaken(String key) {
        assertThat(Queue.named("a").statusKey(key).statusKey()).isEqualTo(key);
    }

    @Test
    void deliveryModesHaveWords() {
        assertThat(DeliveryMode.ofWord("at-least-once")).isSameAs(DeliveryMode.AT_LEAST_ONCE);
        assertThat(DeliveryMode.ofWord("at-most-once")).isSameAs(DeliveryMode.AT_MOST_ONCE);
        assertThat(DeliveryMode.AT_MOST_ONCE.word()).isEqualTo("at-most-once");
        assertThat(DeliveryMode.ofWord("exactly-once")).isNull();
        assertThat(DeliveryMode.ofWord(null)).isNull();
    }
}
