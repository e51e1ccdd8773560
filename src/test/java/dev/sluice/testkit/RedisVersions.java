package dev.sluice.testkit;

import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContext;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContextProvider;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/** Repeats a class for each Redis that the build has unpacked, and hands that Redis to its tests. See {@link OnEveryRedis}. */
final class RedisVersions implements ClassTemplateInvocationContextProvider {

    private static final List<String> VERSIONS = List.of("6.2", "7.0");

    @Override
    public boolean supportsClassTemplate(ExtensionContext context) {
        return true;
    }

    @Override
    public Stream<? extends ClassTemplateInvocationContext> provideClassTemplateInvocationContexts(
            ExtensionContext context) {
        return VERSIONS.stream().map(OneVersion::new);
    }

    private record OneVersion(String version) implements ClassTemplateInvocationContext {

        @Override
        public String getDisplayName(int invocationIndex) {
            return "Redis " + version;
        }

        @Override
        public List<Extension> getAdditionalExtensions() {
            return List.of(new Servers(version));
        }
    }

    private static final class Servers
            implements ParameterResolver, BeforeEachCallback, AfterEachCallback, AfterAllCallback {

        private static final Namespace NAMESPACE = Namespace.create(RedisVersions.class);
        private static final List<StoredStateCheck> CHECKS = ServiceLoader.load(StoredStateCheck.class).stream()
                .map(ServiceLoader.Provider::get)
                .toList();

        private final String version;

        Servers(String version) {
            this.version = version;
        }

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            Class<?> type = parameter.getParameter().getType();
            return type == RedisServer.class || type == RedisServer.Builder.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            if (parameter.getParameter().getType() == RedisServer.Builder.class) {
                return UnpackedRedis.builder(version);
            }
            return parameter.isAnnotated(Private.class) ? ownServer(context) : sharedServer(context);
        }

        @Override
        public void beforeEach(ExtensionContext context) {
            RedisServer redis = sharedServer(context);
            redis.call("FLUSHALL");
            redis.call("SCRIPT", "FLUSH");
        }

        @Override
        public void afterEach(ExtensionContext context) {
            if (isBrokenOnPurpose(context)) {
                return;
            }
            check(sharedServer(context));
            ownServers(context).servers.stream().filter(RedisServer::isRunning).forEach(Servers::check);
        }

        @Override
        public void afterAll(ExtensionContext context) {
            Leaks.assertNone();
        }

        private static void check(RedisServer redis) {
            for (StoredStateCheck check : CHECKS) {
                check.check(redis);
            }
        }

        private static boolean isBrokenOnPurpose(ExtensionContext context) {
            return AnnotationSupport.isAnnotated(context.getRequiredTestMethod(), StoredStateMayBeBroken.class)
                    || AnnotationSupport.isAnnotated(context.getRequiredTestClass(), StoredStateMayBeBroken.class);
        }

        private RedisServer ownServer(ExtensionContext context) {
            RedisServer server = UnpackedRedis.builder(version).start();
            ownServers(context).servers.add(server);
            return server;
        }

        // In the store of this test: closed with it.
        private static OwnServers ownServers(ExtensionContext context) {
            return context.getStore(NAMESPACE)
                    .computeIfAbsent(context.getUniqueId(), id -> new OwnServers(), OwnServers.class);
        }

        // In the store of the whole run: one process per version, closed when the last test has run.
        private RedisServer sharedServer(ExtensionContext context) {
            return context.getRoot()
                    .getStore(NAMESPACE)
                    .computeIfAbsent(version, v -> UnpackedRedis.builder(v).start(), RedisServer.class);
        }
    }

    private static final class OwnServers implements AutoCloseable {

        private final List<RedisServer> servers = new ArrayList<>();

        @Override
        public void close() {
            servers.forEach(RedisServer::close);
        }
    }
}
