"""Which stage runs after which, and what the runner says about it: the one place that has the order."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One step of the flow, named like its module in `jobs`."""

    name: str
    does: str
    """One line for the person at the terminal."""
    arguments: tuple[str, ...] = ()
    """What it needs on the command line to end by itself."""
    speaks: bool = False
    """Whether it writes a text for people beside its log."""


ORDER = (
    Stage("fetch_metadata", "reads the feeds, announces new episodes"),
    Stage("transcribe", "takes or makes the text of each episode"),
    Stage("embed", "turns text into vectors"),
    Stage("similarity", "finds the nearest episodes of each episode"),
    Stage("simulate_events", "listens as people with tastes would"),
    Stage("stream_events", "turns events into engagement", ("--once",)),
    Stage("train_als", "learns tastes from engagement"),
    Stage("recommend", "makes each listener's list, with reasons"),
    Stage("evaluate", "measures the lists on what was heard later", speaks=True),
    Stage("publish", "brings the lists to the document store"),
    Stage("maintain", "compacts and cleans the tables"),
)
