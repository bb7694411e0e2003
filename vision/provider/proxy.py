"""The proxy for a provider, by the environment variables that curl and the SDK use."""

from urllib.request import getproxies, proxy_bypass

import httpx2

from vision.errors import ConfigurationError


def proxy_for(url: httpx2.URL) -> str | None:
    """Its address by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, unless NO_PROXY names the host; ConfigurationError."""
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return None
    scheme, separator, _ = proxy.partition("://")
    if separator and scheme not in {"http", "https"}:
        raise ConfigurationError(f"The proxy for {url.host} is of the kind {scheme}. Give an http:// or https:// one.")
    return proxy if separator else f"http://{proxy}"
