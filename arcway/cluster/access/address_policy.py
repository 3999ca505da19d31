"""Which IP addresses a cluster may have: the address policy.

Special addresses: https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address, ip_network

_UNICAST_V4 = (IPv4Address("1.0.0.0"), IPv4Address("223.255.255.255"))
_UNICAST_V6 = (ip_network("2000::/3"), ip_network("fc00::/7"))
_NOT_FOR_CLUSTERS = (
    ip_network("127.0.0.0/8"),
    ip_network("169.254.0.0/16"),  # link-local, and most metadata services
    ip_network("192.0.0.0/24"),  # protocol assignments; a metadata service, too
    ip_network("192.88.99.0/24"),  # anycast
    ip_network("168.63.129.16/32"),  # Azure's wire server
    ip_network("100.100.100.200/32"),  # metadata services of other clouds from here on
    ip_network("fd00:ec2::/32"),
    ip_network("fd20:ce::254/128"),
    ip_network("fd00:42::42/128"),
    ip_network("fd00:c1::a9fe:a9fe/128"),
)
_NAT64 = ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
_ISATAP = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))


def is_allowed(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether an IP address is one that a cluster may have: unicast, whatever it is embedded in.

    Private ranges are allowed, because clusters live there. Loopback is allowed on request, link-local addresses,
    metadata services and IPv6 forms that lead to one of them never are.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        return _is_allowed_v6(ip, allow_loopback)
    return _is_allowed_v4(ip, allow_loopback)


def _is_allowed_v4(ip: IPv4Address, allow_loopback: bool = False) -> bool:
    if ip.is_loopback:
        return allow_loopback
    lowest, highest = _UNICAST_V4
    return lowest <= ip <= highest and not any(ip in network for network in _NOT_FOR_CLUSTERS)


def _is_allowed_v6(ip: IPv6Address, allow_loopback: bool) -> bool:
    if ip.is_loopback:
        return allow_loopback
    if ip.ipv4_mapped:
        return _is_allowed_v4(ip.ipv4_mapped, allow_loopback)
    if ip in _NAT64:
        return _is_allowed_v4(IPv4Address(ip.packed[12:]))
    if ip in _LOCAL_NAT64:
        return _is_allowed_local_nat64(ip)
    is_unicast = any(ip in network for network in _UNICAST_V6)
    is_special = any(ip in network for network in _NOT_FOR_CLUSTERS)
    return is_unicast and not is_special and all(map(_is_allowed_v4, _embedded(ip)))


def _embedded(ip: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses that tunnels (6to4, Teredo, ISATAP) read from an IPv6 address."""
    addresses = [*(ip.teredo or ())]
    if ip.sixtofour:
        addresses.append(ip.sixtofour)
    if ip.packed[8:12] in _ISATAP:
        addresses.append(IPv4Address(ip.packed[12:]))
    return addresses


def _is_allowed_local_nat64(ip: IPv6Address) -> bool:
    """Where the IPv4 address is depends on the length of the network's own prefix, which is unknown here.

    See https://www.rfc-editor.org/rfc/rfc6052#section-2.2. Each place is read; one that holds no address (0.x.x.x) is
    taken for unused.
    """
    packed = ip.packed
    layouts = (packed[6:8] + packed[9:11], packed[7:8] + packed[9:12], packed[9:13], packed[12:16])
    used = [IPv4Address(layout) for layout in layouts if layout[0]]
    return bool(used) and all(map(_is_allowed_v4, used))
