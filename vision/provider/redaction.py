"""Removes secrets from a provider's messages."""

import re


def without_secrets(message: str) -> str:
    """The message, shortened, without keys, organisation ids, and queries and users in URLs."""
    # No expression looks at a character twice, so that long messages take linear time.
    message = re.sub(r"\b(sk|org|proj)-[A-Za-z0-9_*-]{6,}", r"\1-…", message)
    message = re.sub(r"(https?://)(\S*)", _plain, message)
    return re.sub(r"data:\S{64,}", "data:…", message)[:500]


def _plain(url: re.Match[str]) -> str:
    """A URL without its query and without a user."""
    address, separator, query = url[2].partition("?")
    host, slash, path = address.partition("/")
    _, at, host = host.rpartition("@")
    return f"{url[1]}{'…@' if at else ''}{host}{slash}{path}{'?…' if query else separator}"
