"""Serves the sample feeds on this machine, the way a podcast host would: validators, ranges, CORS.

python -m demo.feeds --port 8765
"""

import argparse
import hashlib
import re
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

SAMPLES = Path(__file__).parent / "samples"
DEFAULT_PORT = 8765
EXIT_MISCONFIGURED = 2

CONTENT_TYPES = {
    ".xml": "application/rss+xml; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/srt; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".mp3": "audio/mpeg",
}
"""What is served; a file with another suffix does not exist for clients."""

IDLE_TIMEOUT_S = 30

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Resource:
    """A body with its validators."""

    body: bytes
    content_type: str
    modified_at: datetime

    @property
    def etag(self) -> str:
        """Strong: the same bytes, the same tag."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


def sample_feed_urls(base_url: str) -> list[str]:
    """Addresses of the sample feeds on a server at `base_url`, in order of their names."""
    return [f"{base_url.rstrip('/')}/feeds/{path.name}" for path in sorted((SAMPLES / "feeds").glob("*.xml"))]


def sample_resources(folder: Path = SAMPLES) -> dict[str, Resource]:
    """Every servable file below the folder by its path in a URL. What is not in here cannot be asked for, however the path is spelt."""
    return {
        f"/{path.relative_to(folder).as_posix()}": Resource(
            path.read_bytes(), CONTENT_TYPES[path.suffix], datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
        )
        for path in sorted(folder.rglob("*"))
        if path.suffix in CONTENT_TYPES and path.is_file()
    }


def opml(resources: dict[str, Resource], base_url: str) -> Resource:
    """The list of the feeds among the resources, with absolute addresses."""
    root = ET.Element("opml", version="2.0")
    ET.SubElement(ET.SubElement(root, "head"), "title").text = "Earshot sample feeds"
    body = ET.SubElement(root, "body")
    feeds = {path: resource for path, resource in resources.items() if path.startswith("/feeds/")}
    for path, resource in feeds.items():
        title = ET.fromstring(resource.body).findtext("channel/title", default=path)  # noqa: S314 (the repository's own files)
        ET.SubElement(body, "outline", text=title, type="rss", xmlUrl=f"{base_url}{path}")
    ET.indent(root)
    modified_at = max((resource.modified_at for resource in feeds.values()), default=datetime.fromtimestamp(0, UTC))
    return Resource(ET.tostring(root, encoding="utf-8", xml_declaration=True), "text/x-opml; charset=utf-8", modified_at)


class FeedHandler(BaseHTTPRequestHandler):
    """GET and HEAD with conditional requests (If-None-Match before If-Modified-Since) and one byte range."""

    protocol_version = "HTTP/1.1"
    server_version = "EarshotSamples"
    timeout = IDLE_TIMEOUT_S

    def __init__(self, *args: object, resources: dict[str, Resource], verbose: bool) -> None:
        self.resources = resources
        self.verbose = verbose
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answers with the body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answers as GET would, without the body."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name is the base class's)
        """Logs to standard error, if asked to."""
        if self.verbose:
            super().log_message(format, *args)

    def _answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        resource = opml(self.resources, self._base_url()) if path == "/all.opml" else self.resources.get(path)
        if resource is None:
            message = Resource(b"not found\n", CONTENT_TYPES[".txt"], datetime.fromtimestamp(0, UTC))
            self._send(HTTPStatus.NOT_FOUND, {"Content-Type": message.content_type}, message.body, with_body=with_body)
            return
        headers = {
            "ETag": resource.etag,
            "Last-Modified": format_datetime(resource.modified_at, usegmt=True),
            "Accept-Ranges": "bytes",
        }
        if self._unchanged(resource):
            self._send(HTTPStatus.NOT_MODIFIED, headers, None, with_body=False)
            return
        headers["Content-Type"] = resource.content_type
        size = len(resource.body)
        span = self._span(resource)
        if span is None:
            self._send(HTTPStatus.OK, headers, resource.body, with_body=with_body)
        elif span.start >= size or not span:
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"}, b"", with_body=with_body)
        else:
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
            self._send(HTTPStatus.PARTIAL_CONTENT, headers, resource.body[span.start : span.stop], with_body=with_body)

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes | None, *, with_body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Access-Control-Allow-Origin", "*")
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body and body:
            try:
                self.wfile.write(body)
            except ConnectionError:
                # The client left; there is nobody to tell.
                self.close_connection = True

    def _unchanged(self, resource: Resource) -> bool:
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            return tags.strip() == "*" or resource.etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
        since = _http_date(self.headers.get("If-Modified-Since"))
        return since is not None and resource.modified_at <= since

    def _span(self, resource: Resource) -> range | None:
        """The asked bytes, cut to the body; empty if none of them exist; None if the whole body is the answer."""
        asked = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        if self.command != "GET" or not asked or asked.groups() == ("", ""):
            return None
        condition = self.headers.get("If-Range")
        if condition is not None and condition != resource.etag and _http_date(condition) != resource.modified_at:
            return None
        size = len(resource.body)
        first, last = asked.groups()
        if not first:
            return range(max(size - int(last), 0), size)
        if last and int(last) < int(first):
            return None
        return range(int(first), min(int(last) + 1, size) if last else size)

    def _base_url(self) -> str:
        """As the client addresses this server, so that the answer also holds behind another name."""
        host, port = self.connection.getsockname()[:2]
        return f"http://{self.headers.get('Host') or f'{host}:{port}'}"


class FeedServer(ThreadingHTTPServer):
    """The sample feeds, one thread a connection."""

    daemon_threads = True

    def __init__(self, host: str = "127.0.0.1", port: int = DEFAULT_PORT, *, verbose: bool = False) -> None:
        super().__init__((host, port), partial(FeedHandler, resources=sample_resources(), verbose=verbose))

    @property
    def base_url(self) -> str:
        """Where the server listens; with port 0, the port that it was given."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{host}:{port}"


def main() -> int:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(prog="python -m demo.feeds", description="Serve the sample podcast feeds on this machine. /all.opml lists them.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on, 0 for any free one (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="log each request to standard error")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        server = FeedServer(arguments.host, arguments.port, verbose=arguments.verbose)
    except (OSError, OverflowError) as error:
        print(f"cannot listen on {arguments.host}:{arguments.port}: {error}; choose another with --port", file=sys.stderr)
        return EXIT_MISCONFIGURED
    with server:
        print(f"sample feeds: {server.base_url}/all.opml", flush=True)
        server.serve_forever()
    return 0


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _http_date(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
