package dev.sluice.push;

import java.net.InetAddress;
import java.util.List;
import java.util.stream.Stream;

/**
 * Says which addresses may be connected to: those of the public internet, and those that were allowed by name.
 *
 * <p>A list of what is public, rather than of what is private, would be the safer kind; for IPv6 it is one, because only
 * one block has ever been given out.
 */
final class AddressGuard {
    private static final Network PUBLIC_IPV6 = Network.of("2000::/3");
    private static final List<Network> NOT_PUBLIC = Stream.of(
                    "0.0.0.0/8", // this host
                    "10.0.0.0/8", // private
                    "100.64.0.0/10", // shared by the customers of a carrier
                    "127.0.0.0/8", // loopback
                    "168.63.129.16/32", // the metadata of Azure
                    "169.254.0.0/16", // link-local, with the metadata of most clouds
                    "172.16.0.0/12", // private
                    "192.0.0.0/24", // protocol assignments
                    "192.0.2.0/24", // documentation
                    "192.88.99.0/24", // relays into IPv6
                    "192.168.0.0/16", // private
                    "198.18.0.0/15", // benchmarks
                    "198.51.100.0/24", // documentation
                    "203.0.113.0/24", // documentation
                    "224.0.0.0/3", // multicast, reserved, broadcast
                    "2001::/23", // protocol assignments, with tunnels that hold an address of IPv4
                    "2001:db8::/32", // documentation
                    "2002::/16", // holds an address of IPv4
                    "3fff::/20") // documentation
            .map(Network::of)
            .toList();

    private final List<Network> allowed;

    AddressGuard(List<Network> allowed) {
        this.allowed = List.copyOf(allowed);
    }

    /** Refuses an address with an {@link IllegalArgumentException}. */
    void check(InetAddress address) {
        if (!allows(address)) {
            throw new IllegalArgumentException(address.getHostAddress()
                    + " is no address of the public internet; deliveries to it must be allowed explicitly");
        }
    }

    boolean allows(InetAddress address) {
        byte[] bytes = Network.bytesOf(address);
        return isPublic(bytes) || allowed.stream().anyMatch(network -> network.contains(bytes));
    }

    private static boolean isPublic(byte[] address) {
        return (address.length == 4 || PUBLIC_IPV6.contains(address))
                && NOT_PUBLIC.stream().noneMatch(network -> network.contains(address));
    }
}
