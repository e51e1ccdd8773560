package dev.sluice.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DurabilityTest {

    @Test
    void equalDurabilitiesAreOne() {
        assertThat(Durability.replicated(2)).isEqualTo(Durability.replicated(2)).hasToString("replicated(2)");
        assertThat(Durability.replicated(2)).isNotEqualTo(Durability.replicated(1));
        assertThat(Durability.fsync()).isNotEqualTo(Durability.memory()).hasToString("fsync");
        assertThat(Durability.memory()).hasToString("memory");
        assertThat(Durability.memory().isMemory()).isTrue();
        assertThat(Durability.fsync().isMemory()).isFalse();
        assertThat(Durability.replicated(1).isMemory()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 101})
    void aNumberOfReplicasThatMakesNoSenseIsRefused(int replicas) {
        assertThatThrownBy(() -> Durability.replicated(replicas))
                .isInstanceOf(InvalidTaskException.class)
                .hasMessageContaining("replicas must be 1 to 100, was " + replicas);
    }

    @Test
    void anErrorSaysHowManyAreMissingAndThatItIsSafeToGoOn() {
        NotDurableException error = new NotDurableException(Durability.replicated(2), 1);

        assertThat(error).hasMessageContaining("1 of 2 replicas").hasMessageContaining("same id");
        assertThat(error.retryable()).isTrue();
        assertThat(error.code()).isEqualTo("not-durable");
        assertThat(error.wanted()).isEqualTo(2);
        assertThat(error.acknowledged()).isEqualTo(1);
        assertThat(new NotDurableException(Durability.fsync(), 0)).hasMessageContaining("disk");
    }
}
