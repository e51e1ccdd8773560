package dev.sluice.push;

import io.netty.resolver.AddressResolver;
import io.netty.resolver.AddressResolverGroup;
import io.netty.resolver.InetNameResolver;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Promise;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers each look-up of any name with the next of these addresses, and all later ones with the last. */
final class FakeNames extends AddressResolverGroup<InetSocketAddress> {
    private final List<String> answers;
    private final AtomicInteger asked = new AtomicInteger();

    FakeNames(String... answers) {
        this.answers = List.of(answers);
    }

    int asked() {
        return asked.get();
    }

    @Override
    protected AddressResolver<InetSocketAddress> newResolver(EventExecutor executor) {
        return new InetNameResolver(executor) {
            @Override
            protected void doResolve(String name, Promise<InetAddress> answer) throws UnknownHostException {
                answer.setSuccess(next(name));
            }

            @Override
            protected void doResolveAll(String name, Promise<List<InetAddress>> answer) throws UnknownHostException {
                answer.setSuccess(List.of(next(name)));
            }
        }.asAddressResolver();
    }

    private InetAddress next(String name) throws UnknownHostException {
        byte[] address = InetAddress.getByName(answers.get(Math.min(asked.getAndIncrement(), answers.size() - 1)))
                .getAddress();
        return InetAddress.getByAddress(name, address);
    }
}
