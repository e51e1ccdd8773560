package dev.sluice.testkit;

import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Transports;
import io.netty.util.concurrent.DefaultThreadFactory;

/** Threads for the clients of many tests of one JVM. */
public final class SharedThreads {
    private SharedThreads() {}

    /**
     * Makes some that live as long as the JVM, the loops among them. Those would go with the last client of a test; Lettuce looks after a
     * connection that was refused once more a minute later, and would have an error logged amid another test.
     */
    public static ClientResources named(String name, int threads) {
        ClientResources resources = ClientResources.builder()
                .ioThreadPoolSize(threads)
                .computationThreadPoolSize(threads)
                .threadFactoryProvider(pool -> new DefaultThreadFactory(name + "-" + pool, true))
                .build();
        resources.eventLoopGroupProvider().allocate(Transports.eventLoopGroupClass());
        return resources;
    }
}
