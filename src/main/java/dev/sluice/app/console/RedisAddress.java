package dev.sluice.app.console;

import dev.sluice.redis.RedisUrl;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLDecoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.jspecify.annotations.Nullable;

/** A Redis URL as a person gave it, and how to show it without its password. */
public final class RedisAddress {
    private static final int DEFAULT_PORT = 6379;
    private static final Duration A_MOMENT = Duration.ofSeconds(1);
    private static final Pattern ANY_NAME = Pattern.compile("(?i).*[?&]verifyPeer=(ca|none)(&.*)?");

    private final RedisUrl url;
    private final @Nullable URI direct;

    private RedisAddress(RedisUrl url, @Nullable URI direct) {
        this.url = url;
        this.direct = direct;
    }

    /** Refuses what is no Redis URL, in a sentence without the password. */
    public static RedisAddress of(String text) {
        try {
            RedisUrl url = RedisUrl.of(text);
            boolean direct = url.text().startsWith("redis://") || url.text().startsWith("rediss://");
            return new RedisAddress(url, direct ? URI.create(url.text()) : null);
        } catch (IllegalArgumentException e) {
            throw Refusal.mistaken(String.valueOf(e.getMessage()));
        }
    }

    public String url() {
        return url.text();
    }

    /** Whether it names one host that a plain socket can reach: no Sentinel, no socket file. */
    public boolean isDirect() {
        return direct != null;
    }

    public @Nullable String user() {
        String info = direct == null ? null : direct.getRawUserInfo();
        return info == null || info.indexOf(':') < 1 ? null : decoded(info.substring(0, info.indexOf(':')));
    }

    public @Nullable String password() {
        String info = direct == null ? null : direct.getRawUserInfo();
        return info == null ? null : decoded(info.substring(info.indexOf(':') + 1));
    }

    /** The database number, {@code 0} unless the URL says otherwise. */
    public String database() {
        return Integer.toString(url.database());
    }

    /** A new connection to it; over TLS to no other host, unless the URL says that its name is not looked at. */
    public Socket connect(Duration limit) throws IOException {
        Socket socket = opened(limit);
        try {
            return url().startsWith("rediss://") ? secured(socket, limit) : socket;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    /** Why it cannot be reached now, in a few words; empty if a socket opens, or if that says nothing. */
    public String obstacle() {
        if (!isDirect()) {
            return "";
        }
        if (!isResolvedWithin(A_MOMENT, host(Objects.requireNonNull(direct)))) {
            return "no name server answers";
        }
        try (Socket opened = opened(A_MOMENT)) {
            return opened.isConnected() ? "" : "not connected";
        } catch (UnknownHostException e) {
            return "unknown host";
        } catch (IOException | RuntimeException e) {
            String told = e.getMessage();
            return told == null ? e.getClass().getSimpleName() : told;
        }
    }

    /** Whether it is known what the host is, or that it is unknown: nobody can cut a look-up short. */
    private static boolean isResolvedWithin(Duration limit, String host) {
        CountDownLatch resolved = new CountDownLatch(1);
        Thread asker = new Thread(
                () -> {
                    new InetSocketAddress(host, 0);
                    resolved.countDown();
                },
                "sluice-name-look-up");
        asker.setDaemon(true);
        asker.start();
        try {
            return resolved.await(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** The words that make {@code redis-cli} connect to it. */
    public String cli() {
        URI target = direct;
        if (target == null) {
            return "redis-cli";
        }
        StringBuilder words = new StringBuilder("redis-cli");
        if (!host(target).equals("127.0.0.1") && !host(target).equals("localhost")) {
            words.append(" -h ").append(host(target));
        }
        words.append(" -p ").append(port(target));
        if (!database().equals("0")) {
            words.append(" -n ").append(database());
        }
        if (target.getScheme().equals("rediss")) {
            words.append(" --tls");
        }
        if (user() != null) {
            words.append(" --user ").append(user());
        }
        return words.append(password() == null ? "" : " --askpass").toString();
    }

    @Override
    public String toString() {
        return url.toString();
    }

    private Socket opened(Duration limit) throws IOException {
        URI target = direct;
        if (target == null) {
            throw new IOException("no single host in " + this);
        }
        Socket socket = new Socket();
        try {
            socket.setTcpNoDelay(true);
            socket.connect(new InetSocketAddress(host(target), port(target)), (int) limit.toMillis());
            return socket;
        } catch (IOException e) {
            socket.close();
            throw e;
        }
    }

    private Socket secured(Socket socket, Duration limit) throws IOException {
        URI target = Objects.requireNonNull(direct);
        SSLSocket secured = (SSLSocket) factory().createSocket(socket, host(target), port(target), true);
        if (!ANY_NAME.matcher(url()).matches()) {
            SSLParameters parameters = secured.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            secured.setSSLParameters(parameters);
        }
        secured.setSoTimeout((int) limit.toMillis());
        secured.startHandshake();
        secured.setSoTimeout(0);
        return secured;
    }

    private static SSLSocketFactory factory() throws IOException {
        try {
            return SSLContext.getDefault().getSocketFactory();
        } catch (NoSuchAlgorithmException e) {
            throw new IOException(e);
        }
    }

    private static String host(URI uri) {
        String host = uri.getHost();
        return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    }

    private static int port(URI uri) {
        return uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }
}
