"""The local feed server answers as a podcast host does."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from demo.feeds import SAMPLES, FeedServer, sample_feed_urls

FEED = "/feeds/go-time.xml"
AUDIO = "/audio/kennedy-inaugural.mp3"
AUDIO_BYTES = (SAMPLES / AUDIO.lstrip("/")).read_bytes()
ROOT = SAMPLES.parent.parent


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with FeedServer(port=0) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    connection = http.client.HTTPConnection(*server.server_address, timeout=5)

    def request(path, method="GET", **headers):
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()

    yield request
    connection.close()


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        (FEED, "application/rss+xml"),
        ("/transcripts/go-time-335.vtt", "text/vtt"),
        ("/transcripts/go-time-317.srt", "application/srt"),
        ("/transcripts/go-time-313.json", "application/json"),
        ("/transcripts/go-time-271.txt", "text/plain"),
        (AUDIO, "audio/mpeg"),
    ],
)
def test_a_sample_comes_whole_with_its_media_type_and_for_any_origin(ask, path, media_type):
    status, headers, body = ask(path)
    assert (status, headers.get_content_type(), headers["Access-Control-Allow-Origin"]) == (200, media_type, "*")
    assert body == (SAMPLES / path.lstrip("/")).read_bytes()


def test_head_says_the_same_as_get_without_a_body(ask):
    _, of_get, _ = ask(AUDIO)
    status, of_head, body = ask(AUDIO, "HEAD")
    assert (status, body, of_head["Content-Length"], of_head["ETag"]) == (200, b"", str(len(AUDIO_BYTES)), of_get["ETag"])


def test_either_validator_alone_spares_the_body_and_the_tag_outranks_the_date(ask):
    _, first, _ = ask(FEED)
    assert ask(FEED, If_None_Match=f'"other", W/{first["ETag"]}')[::2] == (304, b"")
    assert ask(FEED, If_Modified_Since=first["Last-Modified"])[::2] == (304, b"")
    assert ask(FEED, If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT")[0] == 200
    assert ask(FEED, If_Modified_Since="yesterday")[0] == 200
    assert ask(FEED, If_None_Match='"other"', If_Modified_Since=first["Last-Modified"])[0] == 200


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("bytes=0-99", slice(0, 100)), ("bytes=100-", slice(100, None)), ("bytes=-50", slice(-50, None)), ("bytes=5-99999999", slice(5, None))],
)
def test_one_range_brings_just_these_bytes(ask, asked, expected):
    status, headers, body = ask(AUDIO, Range=asked)
    start, stop, _ = expected.indices(len(AUDIO_BYTES))
    assert (status, body) == (206, AUDIO_BYTES[expected])
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(AUDIO_BYTES)}"


@pytest.mark.parametrize("asked", [f"bytes={len(AUDIO_BYTES)}-", "bytes=-0"])
def test_a_range_without_any_byte_is_refused_with_the_size(ask, asked):
    status, headers, body = ask(AUDIO, Range=asked)
    assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(AUDIO_BYTES)}", b"")


@pytest.mark.parametrize("asked", ["bytes=9-2", "bytes=-", "bytes=0-1,4-5", "lines=1-2"])
def test_a_range_that_says_nothing_single_is_ignored(ask, asked):
    assert ask(AUDIO, Range=asked)[::2] == (200, AUDIO_BYTES)


def test_a_range_of_another_version_brings_the_whole_body(ask):
    assert ask(AUDIO, Range="bytes=0-9", If_Range='"old"')[0] == 200
    assert ask(AUDIO, Range="bytes=0-9", If_Range=ask(AUDIO)[1]["ETag"])[0] == 206


@pytest.mark.parametrize(
    "path",
    ["/../feeds.py", "/feeds/../../feeds.py", "/%2e%2e/feeds.py", "/..%2ffeeds.py", "//etc/passwd", "/build.py", "/feeds/%00", "/feeds", "/", "/x" * 3000],
)
def test_nothing_but_the_samples_can_be_read(ask, path):
    assert ask(path)[::2] == (404, b"not found\n")


def test_the_opml_lists_every_feed_under_the_name_by_which_the_server_was_asked(ask, server):
    status, headers, body = ask("/all.opml", Host="feeds.earshot.example:80")
    outlines = etree.fromstring(body).findall("body/outline")
    assert status == 200
    assert [outline.get("xmlUrl") for outline in outlines] == sample_feed_urls("http://feeds.earshot.example:80/")
    assert "Go Time" in [outline.get("text") for outline in outlines]
    assert ask("/all.opml", Host="feeds.earshot.example:80", If_None_Match=headers["ETag"])[0] == 304
    assert len(sample_feed_urls(server.base_url)) == 7


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo.feeds", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(Path(ROOT))})


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_listens_and_ends_cleanly_when_asked(asked):
    with start("--port", "0") as process:
        assert process.stdout.readline().startswith("sample feeds: http://127.0.0.1:")
        process.send_signal(asked)
        assert process.wait(5) == 0
        assert process.stderr.read() == ""


def test_a_taken_port_is_named_and_is_a_mistake_of_settings(server):
    with start("--port", str(server.server_port)) as process:
        assert process.wait(5) == 2
        assert f"127.0.0.1:{server.server_port}" in process.stderr.read()
