"""What the guard opens and what it keeps shut; nothing here opens a connection."""

import socket

import pytest

from vision.outbound.guard import Blocked, Guard

DENIED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.1.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "198.20.0.1",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "2003::1",
]
NEVER = [
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
    "0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "fe80::1",
]
PRIVATE = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd12::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", DENIED)
def test_special_addresses_are_denied(address: str) -> None:
    assert not Guard(allow_private=False).allows(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert Guard(allow_private=False).allows(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_open_when_asked(address: str) -> None:
    assert Guard(allow_private=True).allows(address)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_and_multicast_never_open(address: str) -> None:
    assert not Guard(allow_private=True).allows(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4.5", "/tmp/socket"])
def test_what_is_no_address_is_denied(address: str) -> None:
    assert not Guard(allow_private=True).allows(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/a.png",
        "example.com/a.png",
        "https://",
        "https:///a.png",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com/a b.png",
        "https://example.com/\r\nHost: x",
        "https://exam\u2028ple.com/",
        "https://example.com/\udcff",
        "https://%31%32%37.0.0.1/",
        "https://[fe80::1%25eth0]/",
        "https://[::1",
        "https://example.com:99999/",
        "https://example.com/" + "a" * 8192,
    ],
)
def test_malformed_urls_are_blocked_even_on_private_networks(url: str) -> None:
    with pytest.raises(Blocked) as caught:
        Guard(allow_private=True).check(url)
    assert caught.value.code == "address_blocked"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://168.63.129.16/",
        "http://①②⑦.0.0.1/",
        "https://example.com:8080/",
        "https://example.com:22/",
        "http://example.com:0/",
    ],
)
def test_denied_literals_and_ports_are_blocked(url: str) -> None:
    with pytest.raises(Blocked):
        Guard(allow_private=False).check(url)


@pytest.mark.parametrize(
    "url", ["https://example.com/a%2Fb.png?X-Sig=%7e%2b&x=%C3%BC#part", "http://EXAMPLE.com/a.png"]
)
def test_ascii_urls_keep_every_byte(url: str) -> None:
    assert str(Guard(allow_private=False).check(url)) == url


def test_international_names_become_ascii() -> None:
    assert Guard(allow_private=False).check("https://bücher.example/ü").raw_host == "xn--bcher-kva.example"


async def test_the_connector_opens_no_socket_for_a_denied_address() -> None:
    connector = Guard(allow_private=False).connector()
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(Blocked):
        connector._socket_factory(info)  # type: ignore[misc]  # declared optional, set by the guard
    await connector.close()
