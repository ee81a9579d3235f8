"""A web server that behaves as badly as a test asks it to, on 127.0.0.1."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class HostileWeb:
    """Answers by path; each request's path and headers are kept, and how many were open at once."""

    base_url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    most_open: int = 0
    _open: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        return self.base_url + path

    @property
    def host(self) -> str:
        return self.base_url.removeprefix("http://")

    def paths(self) -> list[str]:
        return [path for path, _headers in self.requests]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.split("?", 1)[0]
        with self._lock:
            self.requests.append((handler.path, dict(handler.headers)))
            self._open += 1
            self.most_open = max(self.most_open, self._open)
        try:
            self.answers.get(path, page(b"nothing here", status=404))(handler)
        except (BrokenPipeError, ConnectionResetError):
            # The client had enough, which is what most tests want.
            pass
        finally:
            with self._lock:
                self._open -= 1


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, *arguments: object, web: HostileWeb) -> None:
        self.web = web
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.web.serve(self)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def hostile_web() -> Iterator[HostileWeb]:
    web = HostileWeb()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, web=web))
    server.daemon_threads = True
    web.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


def page(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def with_etag(body: bytes, etag: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.headers.get("If-None-Match") == etag:
            handler.send_response(304)
            handler.end_headers()
        else:
            page(body, ETag=etag)(handler)

    return answer


def redirect(to: str, status: int = 302) -> Answer:
    return page(b"", status=status, Location=to)


def claims(size: int, body: bytes = b"") -> Answer:
    """Says it is `size` bytes long, sends `body` and leaves."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def endless(piece: bytes = b"x" * 65_536, pause_s: float = 0.0) -> Answer:
    """Sends the piece again and again, without saying how often."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(piece)
            time.sleep(pause_s)

    return answer


def dripping_headers(pause_s: float) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X")
            handler.wfile.flush()
            time.sleep(pause_s)

    return answer


def gzip_bomb(size: int) -> Answer:
    return page(gzip.compress(b"\0" * size), Content_Encoding="gzip")


def slow(body: bytes, pause_s: float) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(pause_s)
        page(body)(handler)

    return answer


def busy_once(body: bytes, retry_after: str, status: int = 429) -> Answer:
    met: list[bool] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if met:
            page(body)(handler)
        else:
            met.append(True)
            page(b"", status=status, Retry_After=retry_after)(handler)

    return answer
