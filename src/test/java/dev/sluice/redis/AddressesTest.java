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

    @Test
    void aSingleAddressStaysAsItIs() {
        RedisURI uri = RedisURI.create("redis://host");
        Addresses addresses = new Addresses(uri);

        addresses.silent(uri);

        assertThat(addresses.next()).isSameAs(uri);
    }
}
