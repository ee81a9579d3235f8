"""Fetches from the open internet by urllib3, as if every address were hostile."""

import ipaddress
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from types import MappingProxyType
from typing import Any, BinaryIO, Protocol
from urllib.parse import urljoin

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
    TimeoutError,  # noqa: A004  # urllib3's own; the built-in one never reaches this module's callers
)
from urllib3.response import BaseHTTPResponse
from urllib3.util import Timeout, Url, parse_url

from jobs.shared.errors import SourceError, StorageError
from jobs.shared.ports import Page
from jobs.shared.settings import HttpSettings

VERSION = "0.1.0"
"""The release, as pyproject.toml says it."""
CHUNK_BYTES = 64 * 1024
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
"""Longest silence between two pieces of an answer."""
MAX_REDIRECTS = 5
PERMANENT_REDIRECTS = frozenset({301, 308})
REDIRECTS = PERMANENT_REDIRECTS | {302, 303, 307}
BUSY = frozenset({429, 503})
NAT64 = ipaddress.ip_network("64:ff9b::/96")
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Guard(Protocol):
    """What a connection asks before it is made."""

    def addresses(self, host: str, port: int) -> list[tuple[int, Any]]: ...

    def watch(self, connected: socket.socket) -> None: ...


class _CheckedHTTPConnection(HTTPConnection):
    """Connects to the very addresses that were checked, so that a name cannot change its meaning in between."""

    def __init__(self, *arguments: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._guard = guard

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._guard)


class _CheckedHTTPSConnection(HTTPSConnection):
    """The same with TLS; the certificate is checked against the name."""

    def __init__(self, *arguments: Any, guard: Guard, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._guard = guard

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._guard)


class _CheckedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _CheckedHTTPConnection


class _CheckedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedHTTPSConnection


def _connect(connection: HTTPConnection, guard: Guard) -> socket.socket:
    last: OSError | None = None
    for family, address in guard.addresses(connection.host, connection.port):
        candidate = socket.socket(family, socket.SOCK_STREAM)
        candidate.settimeout(CONNECT_TIMEOUT_S)
        try:
            candidate.connect(address)
        except OSError as error:
            candidate.close()
            last = error
        else:
            guard.watch(candidate)
            return candidate
    if isinstance(last, socket.timeout):
        raise SourceError("timeout", f"{connection.host}:{connection.port} accepted no connection within {CONNECT_TIMEOUT_S:.0f} s")
    raise NewConnectionError(connection, str(last)) from last


class _Budget:
    """The time that one fetch may take, redirects included; at its end the open connection is cut."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._timers: list[tuple[threading.Timer, socket.socket]] = []

    @property
    def left_s(self) -> float:
        return self._deadline - time.monotonic()

    @property
    def is_spent(self) -> bool:
        return self.left_s <= 0

    def extend(self, seconds: float) -> None:
        self._deadline += seconds

    def check(self, url: str) -> None:
        if self.is_spent:
            raise SourceError("timeout", f"{url}: no complete answer within {self._seconds:.0f} s")

    def watch(self, connected: socket.socket) -> None:
        # A server that sends a byte now and then never trips a read timeout; a shutdown from aside ends any wait, also inside TLS.
        twin = connected.dup()
        timer = threading.Timer(max(self.left_s, 0.0), _cut, [twin])
        timer.daemon = True
        timer.start()
        self._timers.append((timer, twin))

    def close(self) -> None:
        for timer, twin in self._timers:
            timer.cancel()
            twin.close()


def _cut(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        # Already closed: the answer came in the same moment.
        return


class _Watch:
    """The guard of one request: whose addresses may be met, and until when."""

    def __init__(self, web: "HttpWeb", budget: _Budget) -> None:
        self._web = web
        self._budget = budget

    def addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        return self._web.addresses(host, port)

    def watch(self, connected: socket.socket) -> None:
        self._budget.watch(connected)


@dataclass(frozen=True)
class _Errand:
    """What one fetch is to bring, and what it may cost."""

    url: str
    headers: dict[str, str]
    max_bytes: int
    into: BinaryIO | None
    budget: _Budget
    redirects: int


class HttpWeb:
    """Bounded, polite and suspicious: one connection a host at a time, public addresses only, proxies ignored."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._allowed = {host.lower() for host in settings.allowed_hosts}
        self._hosts: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._hosts_lock = threading.Lock()

    def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        into: BinaryIO | None = None,
        timeout_s: float | None = None,
        redirects: int = MAX_REDIRECTS,
    ) -> Page:
        sent = {
            "User-Agent": user_agent(self._settings.contact_url),
            # What is saved to a file is compressed by its own format.
            "Accept-Encoding": "identity" if into is not None else "gzip, deflate",
            "Accept": "*/*",
        } | dict(headers)
        budget = _Budget(timeout_s or self._settings.timeout_s)
        try:
            return self._follow(_Errand(url, sent, max_bytes, into, budget, redirects))
        finally:
            budget.close()

    def _follow(self, errand: _Errand) -> Page:
        url, moved_to, only_permanent, waited, hops = errand.url, None, True, False, 0
        while True:
            with self._request(url, errand) as answer:
                if answer.status in REDIRECTS and answer.headers.get("Location"):
                    hops += 1
                    if hops > errand.redirects:
                        raise SourceError("too-many-redirects", f"{errand.url}: more than {errand.redirects} redirects")
                    url = urljoin(url, answer.headers["Location"])
                    only_permanent = only_permanent and answer.status in PERMANENT_REDIRECTS
                    moved_to = url if only_permanent else moved_to
                    continue
                wait_s = retry_after_s(answer) if answer.status in BUSY and not waited else None
                if wait_s is None or wait_s > min(self._settings.max_retry_after_s, errand.budget.left_s):
                    return _page(answer, url, moved_to, errand)
            waited = True
            time.sleep(wait_s)

    @contextmanager
    def _request(self, url: str, errand: _Errand) -> Iterator[BaseHTTPResponse]:
        place, budget = _place(url), errand.budget
        budget.check(url)
        host, port = str(place.host), place.port or (443 if place.scheme == "https" else 80)
        pool_class = _CheckedHTTPSPool if place.scheme == "https" else _CheckedHTTPPool
        with self._turn(f"{host}:{port}", budget):
            pool = pool_class(host, port, maxsize=1, timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S), guard=_Watch(self, budget))
            try:
                answer = pool.urlopen("GET", place.request_uri, headers=errand.headers, retries=False, redirect=False, preload_content=False)
                try:
                    yield answer
                finally:
                    answer.close()
            except (HTTPError, OSError) as error:
                if budget.is_spent:
                    raise SourceError("timeout", f"{url}: no complete answer in time") from error
                raise SourceError(_reason(error), f"{url}: {error}") from error
            finally:
                pool.close()

    @contextmanager
    def _turn(self, host: str, budget: _Budget) -> Iterator[None]:
        with self._hosts_lock:
            lock = self._hosts[host]
        began = time.monotonic()
        with lock:
            # Standing in line behind our own requests is not the server's fault.
            budget.extend(time.monotonic() - began)
            yield

    def addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        """Where the host may be reached; SourceError if one of its addresses is not public, unless the host is allowed by name."""
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise SourceError("unknown-host", f"{host}: {error}") from error
        if not {host.lower(), f"{host.lower()}:{port}"} & self._allowed:
            for _family, _kind, _protocol, _name, address in found:
                if not is_public(str(address[0])):
                    raise SourceError("refused-address", f"{host} leads to {address[0]}, which is not a public address")
        return [(family, address) for family, _kind, _protocol, _name, address in found]


def _page(answer: BaseHTTPResponse, url: str, moved_to: str | None, errand: _Errand) -> Page:
    if answer.status not in (200, 304):
        raise SourceError(f"http-{answer.status}", f"{url}: HTTP status {answer.status}")
    body = BytesIO()
    size = 0
    if answer.status == 200:
        claimed = answer.headers.get("Content-Length", "")
        if claimed.isdigit() and int(claimed) > errand.max_bytes:
            raise SourceError("too-large", f"{url}: {claimed} bytes, more than {errand.max_bytes}")
        for chunk in answer.stream(CHUNK_BYTES, decode_content=errand.into is None):
            size += len(chunk)
            if size > errand.max_bytes:
                raise SourceError("too-large", f"{url}: more than {errand.max_bytes} bytes")
            errand.budget.check(url)
            _keep(chunk, errand.into or body, url)
        # A body without a length that was cut at the deadline looks complete.
        errand.budget.check(url)
    return Page(
        url=url,
        moved_to=moved_to,
        status=answer.status,
        body=body.getvalue(),
        size_bytes=size,
        media_type=answer.headers.get("Content-Type", "").split(";")[0].strip().lower(),
        etag=answer.headers.get("ETag"),
        last_modified=answer.headers.get("Last-Modified"),
    )


def _keep(chunk: bytes, target: BinaryIO, url: str) -> None:
    try:
        target.write(chunk)
    except OSError as error:
        raise StorageError(f"cannot keep what {url} sends: {error}") from error


def is_public(address: str) -> bool:
    """Whether the address belongs to the open internet, also when an IPv4 address is wrapped in it."""
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip.teredo is not None:
            return False
        wrapped = ip.ipv4_mapped or ip.sixtofour
        if wrapped is not None:
            return is_public(str(wrapped))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def user_agent(contact_url: str) -> str:
    """Who we are, honestly: own name, the word bot, and where a publisher can complain."""
    return f"Earshot/{VERSION} (bot; +{contact_url})"


def retry_after_s(answer: BaseHTTPResponse) -> float | None:
    """The wait in seconds that the server asks for, None where it asks for none."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _place(url: str) -> Url:
    try:
        place = parse_url(url.strip())
    except LocationParseError as error:
        raise SourceError("bad-url", str(error)) from error
    if place.scheme not in ("http", "https"):
        raise SourceError("refused-scheme", f"{url}: only http and https are fetched")
    if not place.host:
        raise SourceError("bad-url", f"{url}: no host")
    return place


def _reason(error: Exception) -> str:
    if isinstance(error, NameResolutionError):
        return "unknown-host"
    if isinstance(error, SSLError):
        return "tls"
    # urllib3 counts it among its time-outs, so it comes first.
    if isinstance(error, NewConnectionError):
        return "unreachable"
    if isinstance(error, TimeoutError | socket.timeout):
        return "timeout"
    if isinstance(error, DecodeError):
        return "bad-encoding"
    return "broken-off"
