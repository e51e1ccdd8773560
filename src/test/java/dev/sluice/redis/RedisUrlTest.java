package dev.sluice.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.lettuce.core.RedisURI;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedisUrlTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\0',
            value = {
                "localhost | 'localhost' is no Redis URL: redis://",
                "redis:// | 'redis://' is no Redis URL: redis://",
                "http://ann:s3cret@host | 'http://ann:***@host' is no Redis URL",
                "redis://:s3cret@host/abc | 'redis://:***@host/abc' has no valid database: a number, as in redis://host:6379/0",
                "redis://host/-1 | has no valid database",
                "redis://host/99999999999 | has no valid database",
                "redis://host/0/1 | has no valid database",
                "redis://host?database=x | 'redis://host?database=x' has no valid database: a number, as in redis://host:6379/0",
                "redis://host/1?a=s3cret&DB=-1 | 'redis://host/1?a=***&DB=-1' has no valid database",
                "redis-socket:///tmp/redis.sock?database=x | has no valid database: a number, as in redis-socket://path?database=0",
                "redis://host:0 | 'redis://host:0' has no valid port: 1 to 65535, or none for 6379",
                "redis://host:99999 | has no valid port: 1 to 65535, or none for 6379",
                "redis://host:abc | 'redis://host:abc' has no valid port: 1 to 65535, or none for 6379",
                "redis://:s3cret@host:1x | 'redis://:***@host:1x' has no valid port",
                "redis://[::1]:1x | 'redis://[::1]:1x' is no URL (Illegal character in port number)",
                "redis://my_host:1x | names no host that can be read",
                "redis://redis.1:6379 | names no host that can be read",
                "redis://host-:6379 | names no host that can be read",
                "redis://::1:6379 | names no host that can be read",
                "redis:///1 | 'redis:///1' names no host that can be read",
                "redis://:6379 | names no host that can be read",
                "redis://my_host:6379 | names no host that can be read: it has letters, digits, '-' and '.';",
                "redis://:p#s3cret@host | percent-encode special characters of user and password",
                "redis://:s3c%ret@host | 'redis://:***@host' is no URL (Malformed escape pair)",
                "redis://host?password=s3cret | has a user or password as a parameter",
                "rediss://host?verifyPeer=true | 'rediss://host?verifyPeer=true' has no valid verifyPeer: full, ca or none",
                "redis-sentinel://:s3cret@host:1,i:2/0 | 'redis-sentinel://:***@host:1,i:2/0' names no master",
                "redis-sentinel://host/0# | names no master: redis-sentinel://[:password@]host[:port][,host[:port]...][/database]#master",
                "redis-sentinel://host/0?sentinelMasterId= | names no master",
                "redis-sentinel://:s3cret@host/abc#main | 'redis-sentinel://:***@host/abc#main' has no valid database: a number, as in redis-sentinel://host:26379/0#main",
                "redis-sentinel://,host#main | 'redis-sentinel://,host#main' names a sentinel without a host",
                "redis-sentinel://host,#main | names a sentinel without a host",
                "redis-sentinel://:1#main | names a sentinel without a host",
                "redis-sentinel:///0#main | names a sentinel without a host",
                "redis-sentinel://h:x,i#main | names a sentinel without a valid port: 1 to 65535, or none for 26379",
                "redis-sentinel://h:1,i:99999#main | names a sentinel without a valid port",
                "redis-sentinel://:s3cret@h, i#main | 'redis-sentinel://:***@h, i#main' is no URL (Illegal character in authority)"
            })
    void aMistakeIsASentenceWithoutThePassword(String url, String sentence) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RedisUrl.of(url))
                .withMessageContaining(sentence)
                .satisfies(refusal -> assertThat(refusal).hasStackTraceContaining("'" + RedisUrl.masked(url) + "'"))
                .satisfies(refusal -> assertThat(refusal.getMessage()).doesNotContain("s3c"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "redis://host",
                "redis://host:/",
                "redis://ann:p%40ss@host:6380/2",
                "rediss://host?verifyPeer=CA",
                "redis://[::1]:6379",
                "redis://host?family=6&timeout=3s",
                "redis+tls://host",
                "redis-socket:///tmp/redis.sock?database=1",
                "redis-sentinel://host#main",
                "rediss-sentinel://:secret@a_b:1,c/0?x=y#main",
                "redis-sentinel://[::1]:2#main",
                "redis-sentinel://host/0?sentinelMasterId=main"
            })
    void whatIsRightCanBeConnectedTo(String url) {
        assertThat(RedisUrl.of(url).uri()).isEqualTo(RedisURI.create(url));
    }

    @Test
    void theDatabaseStandsInThePathOrInAParameter() {
        assertThat(RedisUrl.of("redis://host").database()).isZero();
        assertThat(RedisUrl.of("redis://host/2").database()).isEqualTo(2);
        assertThat(RedisUrl.of("redis://host?database=3").database()).isEqualTo(3);
        assertThat(RedisUrl.of("redis-sentinel://host/4#main").database()).isEqualTo(4);
    }
}
