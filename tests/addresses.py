"""Addresses that lead behind somebody's walls, in every range and spelling: the corpus that every door is held against."""

PRIVATE = (
    "10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.0.9", "100.64.0.1", "192.0.0.8", "198.18.0.1", "198.51.100.7",
    "fc00::1", "fd00::1", "fec0::1", "2001:db8::1", "3fff::1", "64:ff9b::a01:203", "::ffff:10.1.2.3",
)  # fmt: skip
"""Private, shared, site-local, benchmarking, documentation; also wrapped."""
OWN = ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
"""This machine."""
NEVER = (
    "0.0.0.0", "0.1.2.3", "169.254.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192",  # noqa: S104 - an address to be refused, bound to by nobody
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "fe80::1", "fe80::1%eth0", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a01:203::1",
    "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "64:ff9b:1:a9fe:a9fe::",
    "100::1", "4000::1", "5f00::1",
)  # fmt: skip
"""Link-local, metadata, multicast, reserved, translated: for nobody, whatever an administrator says."""
PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808", "::ffff:8.8.8.8")

ODD_SPELLINGS = (
    "0x7f.1", "0x7f000001", "2130706433", "127.1", "127.0.1", "0177.0.0.1", "0177.1", "127.0.0.0x1", "1.2.3", "0",
    "0x", "127.0.0.1.1", "256.0.0.1", "127.0.0.01", "%31%32%37.0.0.1", "127%2e0.0.1", "１２７.0.0.1", "127。0。0。1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "fe80::1%eth0", "[fe80::1%25eth0]", "[::1", "::1]", "[127.0.0.1]", ":::1", "[::ffff:0x7f.1]", "localhost..",
    ".localhost", "a..b", "-a.example", "a-.example", "a" * 64 + ".example", "a." * 127 + "aa", "", ".", "a b.example",
    "a.example\t", "a\x00.example", "a_é.example", "xn--\xfc.example", "a/b", "a\\b", "a@b", "a?b", "a#b", "a,b", "*",
)  # fmt: skip
"""What programs read differently, or fold into something else."""
