package dev.sluice.faults;

/**
 * The first share of the seeds.
 *
 * <p>A soak: {@code mvn test -Dtest=RandomFaultsScenarioTest -Dsluice.faults.schedules=10000}; system properties, all
 * beginning with {@code sluice.faults.}: {@code schedules}, how many; {@code seed}, the first one; {@code parallel}, how
 * many at a time; {@code processes}, true for dispatchers in processes of their own.
 */
class RandomFaultsScenarioTest extends RandomFaults {
    RandomFaultsScenarioTest() {
        super(0);
    }
}
