package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.lettuce.core.RedisCredentials;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslVerifyMode;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class AddressesTest {
    @Test
    void aSentinelThatWasSilentIsAskedLast() {
        Addresses addresses = new Addresses(RedisURI.create("redis-sentinel://a,b,c#main"));
        RedisURI first = addresses.next();
        assertThat(first.getSentinels()).extracting(RedisURI::getHost).containsExactly("a", "b", "c");

        addresses.silent(first);
        addresses.silent(first); // as the others say who tried it, too
        assertThat(addresses.next().getSentinels())
                .extracting(RedisURI::getHost)
                .containsExactly("b", "c", "a");

        addresses.silent(addresses.next());
        addresses.silent(addresses.next());
        assertThat(addresses.next()).isSameAs(first);
    }

    @Test
    void allElseOfTheUriStays() {
        RedisURI uri = RedisURI.create(
                "rediss-sentinel://ann:secret@a:1,b:2/3?timeout=7s&clientName=me&verifyPeer=CA&libraryName=lib#main");
        uri.getSentinels().get(1).setAuthentication("its own");
        Addresses addresses = new Addresses(uri);

        addresses.silent(addresses.next());
        RedisURI next = addresses.next();

        assertThat(next.toURI()).hasToString(uri.toURI().toString().replace("a:1,b:2", "b:2,a:1"));
        assertThat(next.getTimeout()).isEqualTo(Duration.ofSeconds(7));
        assertThat(next.getVerifyMode()).isEqualTo(SslVerifyMode.CA);
        assertThat(next.getLibraryName()).isEqualTo("lib");
        assertThat(next.getCredentialsProvider()).isSameAs(uri.getCredentialsProvider());
        RedisCredentials ofSentinel = next.getSentinels()
                .get(0)
                .getCredentialsProvider()
                .resolveCredentials()
                .block();
        assertThat(ofSentinel.getPassword()).containsExactly("its own".toCharArray());
    }

    /** With a time to open it that is no minute, unless that is asked for. */
    @Test
    void aSingleAddressStaysAsItIs() {
        RedisURI uri = RedisURI.create("redis://host");
        Addresses addresses = new Addresses(uri);
        RedisURI first = addresses.next();

        addresses.silent(first);

        assertThat(addresses.next()).isSameAs(first);
        assertThat(first.getHost()).isEqualTo("host");
        assertThat(first.getTimeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(uri.getTimeout()).isEqualTo(RedisURI.DEFAULT_TIMEOUT_DURATION);
        assertThat(new Addresses(RedisURI.create("redis-socket:///tmp/redis.sock"))
                        .next()
                        .getSocket())
                .isEqualTo("/tmp/redis.sock");
    }

    @Test
    void theSentinelsOfTheCallerStayAsTheyAre() {
        RedisURI uri = RedisURI.create("rediss-sentinel://a,b#main");
        uri.getSentinels().forEach(sentinel -> sentinel.setSsl(false));

        assertThat(new Addresses(uri).next().getSentinels()).noneMatch(RedisURI::isSsl);
        assertThat(uri.getSentinels()).noneMatch(RedisURI::isSsl);
    }
}
