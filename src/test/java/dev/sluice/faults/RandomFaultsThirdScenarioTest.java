package dev.sluice.faults;

/** The third share of the seeds. */
class RandomFaultsThirdScenarioTest extends RandomFaults {
    RandomFaultsThirdScenarioTest() {
        super(2);
    }
}
