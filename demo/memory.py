"""How much memory process trees take, from /proc; systems without it are not measured."""

import os
from collections.abc import Iterable
from pathlib import Path

from demo.process import members


class Meter:
    """Peaks in MB of the trees that the watched processes lead, and of all of them with this process at one time."""

    def __init__(self) -> None:
        self.peaks_mb: dict[int, float] = {}
        self.peak_mb = 0.0

    def sample(self, leaders: Iterable[int]) -> None:
        """Look once; what rises and falls between two looks is not seen."""
        total = proportional_mb(os.getpid())
        for leader in leaders:
            tree = sum(proportional_mb(pid) for pid in members(leader))
            self.peaks_mb[leader] = max(tree, self.peaks_mb.get(leader, 0.0))
            total += tree
        self.peak_mb = max(total, self.peak_mb)


def proportional_mb(pid: int) -> float:
    """Resident memory of a process in MB, a page that n processes share counted as 1/n; 0 when it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0.0)
