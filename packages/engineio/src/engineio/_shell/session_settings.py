"""What a WebSocket takes over from an HTTP session of requests, as websocket-client wants it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import select_proxy

if TYPE_CHECKING:
    from collections.abc import Iterable

_HTTP_ONLY = ("Accept", "Accept-Encoding", "Connection", "Content-Length", "Cookie", "Host")
"""Headers of a request that mean nothing on a WebSocket, or are given in another way."""

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}


def prepare(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> requests.PreparedRequest:
    """Return a request with what the session adds to it.

    A ``Cookie`` of ours joins the session's; requests by itself would send it instead of them.
    """
    fields = CaseInsensitiveDict(headers)
    cookies = fields.pop("Cookie", None)
    prepared = session.prepare_request(requests.Request(method, url, headers=fields, data=body))
    if cookies:
        of_session: Any = prepared.headers.get("Cookie")
        prepared.headers["Cookie"] = f"{cookies}; {of_session}" if of_session else cookies
    return prepared


def settings_for(session: requests.Session, url: str, *, verify: bool) -> Any:
    """Return the keyword arguments for ``session.send()`` that the session has for a URL.

    A ``verify`` of the session comes before that of the environment (``REQUESTS_CA_BUNDLE``),
    which requests by itself would prefer.
    """
    chosen = session.verify if verify else False
    return session.merge_environment_settings(url, {}, True, chosen, None)


def websocket_options(
    session: requests.Session,
    url: str,
    headers: Mapping[str, str],
    *,
    verify: bool,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Return keyword arguments for ``websocket.create_connection()``; those ``given`` win.

    Cookies are those that the session has for the URL, and no others.
    """
    scheme, rest = url.split(":", 1)
    http_url = f"{_HTTP_SCHEMES[scheme]}:{rest}"
    fields = CaseInsensitiveDict(headers)
    fields.update(_fields(given.get("header")))
    sent: Any = prepare(session, "GET", http_url, fields).headers
    settings = settings_for(session, http_url, verify=verify)
    options: dict[str, Any] = {
        "cookie": sent.get("Cookie"),
        "host": sent.get("Host"),
        # polling sends none, either
        "suppress_origin": "origin" not in given,
        "sslopt": _tls(settings["verify"], settings["cert"]),
    }
    if "http_proxy_host" not in given:
        options.update(_proxy(scheme, http_url, settings["proxies"]))
    options.update(given)
    for name in _HTTP_ONLY:
        sent.pop(name, None)
    options["header"] = dict(sent)
    return options


def _fields(header: Mapping[str, str] | Iterable[str] | None) -> dict[str, str]:
    """Return headers that are given as a dict, or as lines, as a dict."""
    if header is None:
        return {}
    if isinstance(header, Mapping):
        return dict(header)
    lines = (line.partition(":") for line in header)
    return {name.strip(): value.strip() for name, _, value in lines}


def _tls(verify: bool | str, cert: str | tuple[str, str] | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if not verify:
        options.update(cert_reqs=ssl.CERT_NONE, check_hostname=False)
    elif isinstance(verify, str):
        options["ca_cert_path" if os.path.isdir(verify) else "ca_certs"] = verify
    if isinstance(cert, str):
        options["certfile"] = cert
    elif cert:
        options["certfile"], options["keyfile"] = cert
    return options


def _proxy(scheme: str, http_url: str, proxies: Mapping[str, str]) -> dict[str, Any]:
    """Return which proxy to use; a "ws" or "wss" of ``proxies`` comes before "http" or "https"."""
    known = dict(proxies)
    if scheme in known:
        known[_HTTP_SCHEMES[scheme]] = known[scheme]
    proxy = select_proxy(http_url, known)
    if not proxy:
        return {"http_no_proxy": ["*"]}
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    options: dict[str, Any] = {
        "http_proxy_host": parts.hostname,
        "http_proxy_port": parts.port or 80,
        # requests has looked already: without a list, the environment's would be looked at
        "http_no_proxy": ["-"],
    }
    if parts.username:
        options["http_proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme.startswith("socks"):
        options["proxy_type"] = parts.scheme
    return options
