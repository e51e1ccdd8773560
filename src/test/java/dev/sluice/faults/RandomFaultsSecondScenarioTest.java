package dev.sluice.faults;

/** The second share of the seeds. */
class RandomFaultsSecondScenarioTest extends RandomFaults {
    RandomFaultsSecondScenarioTest() {
        super(1);
    }
}
