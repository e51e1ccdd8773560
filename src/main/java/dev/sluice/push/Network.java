package dev.sluice.push;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/** A range of addresses that share their first bits. */
final class Network {
    /** Where addresses of IPv4 are written as such of IPv6. */
    private static final Network MAPPED =
            new Network(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0}, 96);

    private static final Pattern IPV4 =
            Pattern.compile("(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}");
    private static final Pattern IPV6 = Pattern.compile("[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*");
    private static final Pattern BITS = Pattern.compile("\\d{1,3}");

    private final byte[] prefix; // 4 or 16 bytes
    private final int bits;

    private Network(byte[] prefix, int bits) {
        this.prefix = prefix;
        this.bits = bits;
    }

    /** The network that is written {@code ADDRESS/BITS}, or a single address. */
    static Network of(String text) {
        String[] parts = text.strip().split("/", 2);
        byte[] address = addressIn(parts[0]).map(Network::bytesOf).orElseThrow(() -> refused(text));
        int all = address.length * 8;
        if (parts.length == 1) {
            return new Network(address, all);
        }
        int bits = BITS.matcher(parts[1]).matches() ? Integer.parseInt(parts[1]) : -1;
        if (bits < 0 || bits > all) {
            throw refused(text);
        }
        return new Network(address, bits);
    }

    /** The address that {@code host} is, if it is one and no name. Asks nobody. */
    static Optional<InetAddress> addressIn(String host) {
        String bare = host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
        if (!IPV4.matcher(bare).matches() && !IPV6.matcher(bare).matches()) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.getByName(bare)); // no name: these characters are read, not looked up
        } catch (UnknownHostException malformed) {
            return Optional.empty();
        }
    }

    /** The bytes of an address; one of IPv4 that is written as one of IPv6 is that of IPv4. */
    static byte[] bytesOf(InetAddress address) {
        byte[] bytes = address.getAddress();
        return MAPPED.contains(bytes) ? Arrays.copyOfRange(bytes, 12, 16) : bytes;
    }

    boolean contains(byte[] address) {
        if (address.length != prefix.length) {
            return false;
        }
        for (int bit = 0; bit < bits; bit++) {
            int mask = 0x80 >> (bit & 7);
            if (((address[bit >> 3] ^ prefix[bit >> 3]) & mask) != 0) {
                return false;
            }
        }
        return true;
    }

    private static IllegalArgumentException refused(String text) {
        return new IllegalArgumentException(
                "a network must be ADDRESS/BITS or an address, such as 10.0.0.0/8, was '" + text + "'");
    }
}
