"""Network addresses of callers, in the one form in which they are compared."""

import re
from ipaddress import IPv6Address, ip_address, ip_network

PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+", re.ASCII)
LONGEST = 64


def network_of(text: str) -> str:
    """Return the address without its port; of IPv6 the /64, which one machine can use at will.

    A proxy may write a port. A socket for both protocols writes IPv4 as `::ffff:198.51.100.1`.
    """
    matched = PORT.fullmatch(text.strip())
    bare = (matched["v6"] or matched["v4"]) if matched else text.strip()
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:  # a proxy may write anything, such as "unknown"
        return text[:LONGEST] or "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, 64), strict=False))
    return str(address)
