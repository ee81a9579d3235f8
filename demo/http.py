"""The servers of the local platform that speak HTTP: the sample feeds and the dashboard."""

import http.client
import sys
from collections.abc import Mapping
from pathlib import Path

from demo.server import HOST, Server
from jobs.shared.settings import CONFIG_ENV


class HttpServer(Server):
    """Ready when `health` is answered with 200."""

    health = "/"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", self.health)
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()


class FeedServer(HttpServer):
    """The sample feeds, transcripts and audio."""

    title = "the feed server"
    option = "--feeds-port"
    health = "/all.opml"

    def command(self) -> list[str]:
        return [sys.executable, "-m", "demo.feeds", "--port", str(self.port)]


class Dashboard(HttpServer):
    """The Streamlit pages."""

    title = "the dashboard"
    option = "--dashboard-port"
    health = "/_stcore/health"

    def __init__(self, port: int, log: Path, config: Path) -> None:
        super().__init__(port, log)
        self.config = config

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "streamlit", "run", "dashboard/app.py"),
            *("--server.address", HOST, "--server.port", str(self.port), "--server.headless", "true"),
            *("--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"),
        ]

    def environment(self) -> Mapping[str, str]:
        return {CONFIG_ENV: str(self.config)}
