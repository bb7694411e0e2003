"""Blocks requests to private addresses by URLs from callers; checks the address that the socket connects to."""

import re
import socket
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from vision.errors import TesseraError

MAX_URL = 8_192  # characters; presigned URLs with a session token have over 2,048 (kt-paperclip 138)
PORTS = frozenset({80, 443})

# A host that ends in a number is an IPv4 address to browsers and to getaddrinfo: 127.1, 0x7f000001, 2130706433.
_NUMERIC = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9a-fA-F]*)\.?")

_Networks = tuple[IPv4Network | IPv6Network, ...]
_AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class Blocked(TesseraError):
    """The URL leads to a private or reserved address, which is not allowed."""

    code = "address_blocked"


class Guard:
    """Decides which URLs and addresses may be reached; in doubt none.

    `allow_private` opens loopback, private networks and any port; metadata services and multicast stay blocked.
    """

    def __init__(self, allow_private: bool) -> None:
        table = tomllib.loads((Path(__file__).parent / "addresses.toml").read_text())
        self._allow_private = allow_private
        self._reserved = _networks(table, "reserved")
        self._private = _networks(table, "private")
        self._public6 = _networks(table, "public")

    def check(self, url: str) -> URL:
        """The parsed URL; Blocked if its form is not allowed."""
        try:
            return self._checked(url)
        except ValueError:
            raise Blocked("The URL cannot be parsed.") from None

    def _checked(self, url: str) -> URL:
        parsed = _parse(url)
        if parsed.scheme not in ("http", "https"):
            raise Blocked("The URL must start with https:// or http://.")
        if "@" in parsed.authority:
            raise Blocked("The URL must not contain a user name or password.")
        if not parsed.host or "%" in parsed.host:
            raise Blocked("The URL has no usable host name.")
        if not _is_nameable(parsed.raw_host or ""):
            raise Blocked("The URL's host name has an empty or over-long part.")
        if parsed.port not in PORTS and not self._allow_private:
            raise Blocked("The URL's port must be 80 or 443.")
        if _is_literal(parsed.host):
            self._require(parsed.host)
        elif _NUMERIC.fullmatch(parsed.host):
            raise Blocked("The URL's numeric address must be written plainly, as in 192.0.2.1.")
        return parsed

    def allows(self, address: str) -> bool:
        """Whether a numeric address, IPv4 or IPv6, may be connected to."""
        try:
            ip = ip_address(address)
        except ValueError:
            return False
        if ip.version == 6 and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if any(ip in network for network in self._reserved):
            return False
        if any(ip in network for network in self._private):
            return self._allow_private
        return ip.version == 4 or any(ip in network for network in self._public6)

    def connector(self, *, resolver: AbstractResolver | None = None, **options: Any) -> TCPConnector:
        """A connector whose every connection passes this guard, by name and by literal address; raises Blocked.

        The resolver refuses a name if any of its addresses is denied; the socket factory sees the final address.
        """
        checked = _CheckedResolver(self, resolver or ThreadedResolver())
        return TCPConnector(resolver=checked, socket_factory=self._open_socket, **options)

    def _open_socket(self, info: _AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        self._require(str(address[0]))
        return socket.socket(family, kind, protocol)

    def _require(self, address: str) -> None:
        if not self.allows(address):
            raise Blocked


class _CheckedResolver(AbstractResolver):
    def __init__(self, guard: Guard, inner: AbstractResolver) -> None:
        self._guard, self._inner = guard, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not all(self._guard.allows(answer["host"]) for answer in found):
            raise Blocked
        return found

    async def close(self) -> None:
        await self._inner.close()


def _parse(url: str) -> URL:
    if len(url) > MAX_URL:
        raise Blocked(f"The URL is longer than {MAX_URL:,} characters.")
    if "\\" in url or any(not char.isprintable() or char.isspace() for char in url):
        raise Blocked("The URL contains white space, a backslash or a control character; percent-encode it.")
    # An ASCII URL goes out byte for byte: requoting would break signatures in query strings.
    return URL(url, encoded=url.isascii())


def _networks(table: dict[str, dict[str, list[str]]], kind: str) -> _Networks:
    return tuple(ip_network(text) for family in table.values() for text in family.get(kind, ()))


def _is_nameable(host: str) -> bool:
    """Whether DNS allows the name (RFC 1035): parts of 1 to 63 bytes, 253 in all."""
    name = host.removesuffix(".")
    return len(name) <= 253 and all(1 <= len(part) <= 63 for part in name.split("."))


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
