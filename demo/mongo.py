"""The embedded server that speaks MongoDB's wire protocol, for development: no MongoDB has to be installed.

It lives in an environment of its own (`.venv-mongo`) and is only ever talked to over its port.
`python -m demo.mongo --port P --data DIR` runs it in the foreground.
"""

import argparse
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from demo.errors import SetupError
from demo.home import MONGO_VENV
from demo.server import HOST, Server, serve


class MongoServer(Server):
    """A document store whose acknowledged writes survive restarts and kill -9."""

    title = "the Mongo-wire server"
    option = "--mongo-port"

    def __init__(self, port: int, data: Path, log: Path, venv: Path = MONGO_VENV) -> None:
        super().__init__(port, log)
        self.data = data.absolute()
        self.venv = venv

    @property
    def uri(self) -> str:
        return f"mongodb://{HOST}:{self.port}"

    def command(self) -> list[str]:
        program = self.venv / "bin" / "secantusd-py"
        if not program.exists():
            raise SetupError(f"no {program}: make it with 'make mongo'")
        # A named configuration, or it would look for one in the user's home.
        # By default it acknowledges what it holds in memory alone, and a kill -9 loses the last few writes: hence --sync-on-commit.
        return [
            *(str(program), "--config", str(self.data / "server.toml"), "--storage-path", str(self.data / "store")),
            *("--host", HOST, "--port", str(self.port), "--log-level", "WARNING", "--cache-size", "256M", "--sync-on-commit"),
        ]

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "server.toml").touch()

    def answers(self) -> bool:
        try:
            with MongoClient[dict[str, object]](self.uri, serverSelectionTimeoutMS=2000) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m demo.mongo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    raise SystemExit(serve(MongoServer(options.port, options.data, options.data / "mongo.log")))
