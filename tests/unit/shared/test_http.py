"""Strangers' servers cannot lead a fetch astray, fill the memory, or hold it up."""

import io
import socket
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.shared.errors import SourceError
from jobs.shared.settings import HttpSettings
from jobs.shared.storage import http
from jobs.shared.storage.http import HttpWeb, is_public
from tests.support.hostile import HostileWeb, busy_once, claims, dripping_headers, endless, gzip_bomb, hostile_web, page, redirect, slow, with_etag

MAX = 1_000_000


@pytest.fixture
def server() -> Iterator[HostileWeb]:
    with hostile_web() as web:
        yield web


def web(server: HostileWeb | None = None, **values: object) -> HttpWeb:
    return HttpWeb(HttpSettings.model_validate({"allowed_hosts": [server.host] if server else []} | values))


def reason(fetch: HttpWeb, url: str, **options: object) -> str:
    with pytest.raises(SourceError) as error:
        fetch.get(url, **({"max_bytes": MAX} | options))  # type: ignore[arg-type]
    return error.value.reason


def test_a_page_comes_with_its_validators_and_we_say_who_asks(server: HostileWeb) -> None:
    server.answers["/feed"] = with_etag(b"<rss/>", '"1"')
    fetch = web(server, contact_url="https://example.org/bot")
    first = fetch.get(server.url("/feed"), max_bytes=MAX)
    assert (first.status, first.body, first.etag, first.moved_to) == (200, b"<rss/>", '"1"', None)
    assert fetch.get(server.url("/feed"), max_bytes=MAX, headers={"If-None-Match": '"1"'}).status == 304
    assert server.requests[0][1]["User-Agent"] == "Earshot/0.1.0 (bot; +https://example.org/bot)"


def test_the_user_agent_carries_the_released_version() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == http.VERSION


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:0:1::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_open_internet_is_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_a_public_address_is_told(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "169.254.169.254"])
def test_a_private_address_is_refused_however_it_is_written(server: HostileWeb, host: str) -> None:
    port = server.host.split(":")[1]
    assert reason(web(), f"http://{host}:{port}/") == "refused-address"
    assert server.requests == []


def test_only_the_named_host_and_port_is_allowed(server: HostileWeb) -> None:
    server.answers["/"] = page(b"hello")
    other = HttpWeb(HttpSettings(allowed_hosts=("127.0.0.1:1",)))
    assert reason(other, server.url("/")) == "refused-address"
    assert HttpWeb(HttpSettings(allowed_hosts=("127.0.0.1",))).get(server.url("/"), max_bytes=MAX).body == b"hello"


def test_a_redirect_to_a_private_address_is_refused(server: HostileWeb) -> None:
    with hostile_web() as inside:
        inside.answers["/secret"] = page(b"secret")
        server.answers["/"] = redirect(inside.url("/secret"))
        assert reason(web(server), server.url("/")) == "refused-address"
        assert inside.requests == []


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://example.org/x", "gopher://127.0.0.1/x"])
def test_only_http_is_followed(server: HostileWeb, to: str) -> None:
    server.answers["/"] = redirect(to)
    assert reason(web(server), server.url("/")) == "refused-scheme"
    assert reason(web(server), to) == "refused-scheme"


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names resolve to these addresses, one list a look-up; returns the addresses that were connected to."""
    queue = list(answers)
    connected: list[str] = []

    def getaddrinfo(host: str, port: int, *arguments: object, **options: object) -> list[object]:
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return connected


def test_a_name_that_also_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    assert reason(web(), "http://two-faced.example/") == "refused-address"
    assert connected == []


def test_a_name_that_changes_between_check_and_connection_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = resolve(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    assert reason(web(), "http://rebinding.example/") == "unreachable"
    assert connected == ["93.184.216.34"]


def test_proxies_of_the_environment_are_ignored(server: HostileWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.base_url)
    assert reason(web(), "http://127.0.0.1:9/") == "refused-address"
    assert server.requests == []


def test_a_body_over_the_limit_is_given_up_whether_it_is_announced_or_not(server: HostileWeb) -> None:
    server.answers |= {"/claims": claims(200_000_000), "/endless": endless(), "/bomb": gzip_bomb(50_000_000)}
    for path in ("/claims", "/endless", "/bomb"):
        assert reason(web(server), server.url(path)) == "too-large"
    assert reason(web(server), server.url("/endless"), into=io.BytesIO()) == "too-large"


@pytest.mark.parametrize("answer", [endless(b"x", 0.05), dripping_headers(0.05), slow(b"late", 5)], ids=["dripping body", "dripping headers", "silence"])
def test_a_server_that_stalls_is_left_at_the_time_limit(server: HostileWeb, answer: object) -> None:
    server.answers["/"] = answer  # type: ignore[assignment]
    began = time.monotonic()
    assert reason(web(server), server.url("/"), timeout_s=0.5) == "timeout"
    assert time.monotonic() - began < 3


def test_a_body_that_breaks_off_is_no_success(server: HostileWeb) -> None:
    server.answers["/"] = claims(1_000, b"only this")
    assert reason(web(server), server.url("/"), into=io.BytesIO()) == "broken-off"


def test_permanent_redirects_are_told_and_temporary_ones_are_not(server: HostileWeb) -> None:
    server.answers |= {
        "/old": redirect("/older", 301),
        "/older": redirect(server.url("/new"), 308),
        "/new": page(b"here"),
        "/away": redirect("/new", 302),
        "/mixed": redirect("/away", 301),
    }
    fetch = web(server)
    assert fetch.get(server.url("/old"), max_bytes=MAX).moved_to == server.url("/new")
    away = fetch.get(server.url("/away"), max_bytes=MAX)
    assert (away.moved_to, away.url) == (None, server.url("/new"))
    assert fetch.get(server.url("/mixed"), max_bytes=MAX).moved_to == server.url("/away")


def test_a_circle_of_redirects_ends(server: HostileWeb) -> None:
    server.answers["/"] = redirect("/")
    assert reason(web(server), server.url("/")) == "too-many-redirects"
    assert len(server.requests) == 6


def test_a_busy_server_is_waited_for_but_not_for_long(server: HostileWeb) -> None:
    server.answers["/soon"] = busy_once(b"now", "1")
    assert web(server).get(server.url("/soon"), max_bytes=MAX).body == b"now"
    server.answers["/later"] = busy_once(b"now", "3600", status=503)
    assert reason(web(server), server.url("/later")) == "http-503"
    server.answers["/never"] = page(b"", status=429, Retry_After="0")
    assert reason(web(server), server.url("/never")) == "http-429"
    assert server.paths().count("/never") == 2


def test_a_host_is_asked_one_thing_at_a_time(server: HostileWeb) -> None:
    server.answers["/"] = slow(b"done", 0.05)
    fetch = web(server)
    threads = [threading.Thread(target=fetch.get, args=(server.url("/"),), kwargs={"max_bytes": MAX}) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.requests), server.most_open) == (6, 1)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/", "unreachable"),
        ("http://no-such-host.invalid/", "unknown-host"),
        ("http://[", "bad-url"),
        ("feed.xml", "refused-scheme"),
        ("http:///path", "bad-url"),
    ],
)
def test_what_cannot_be_asked_has_a_reason(url: str, expected: str) -> None:
    assert reason(HttpWeb(HttpSettings(allowed_hosts=("127.0.0.1",))), url) == expected
