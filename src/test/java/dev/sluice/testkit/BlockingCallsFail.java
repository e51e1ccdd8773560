package dev.sluice.testkit;

import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestPlan;
import reactor.blockhound.BlockHound;

/**
 * Has every blocking call on a non-blocking thread fail, before the first test of a JVM runs. Not earlier: who only lists
 * the tests, as Maven's own JVM does, has not the flags that this takes.
 */
public final class BlockingCallsFail implements TestExecutionListener {
    @Override
    public void testPlanExecutionStarted(TestPlan plan) {
        BlockHound.install();
    }
}
