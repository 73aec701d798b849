"""Set-ups that failed, node by node: of a thousand machines a few may be broken from the start."""

from __future__ import annotations

from collections import Counter


class SetupRecord:
    """What set-ups have come to since a worker was last ready on each node.

    Args:
        enough: failures on a node after which it is not worth another try.
    """

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._failures: Counter[str] = Counter()  # by node; "" is one that was never known
        self._message = ""  # of the last one

    @property
    def spent(self) -> set[str]:
        """Nodes that are not worth another try."""
        return {node for node, failures in self._failures.items() if failures >= self._enough}

    def failed(self, node: str, message: str) -> None:
        """A worker could not be made ready there."""
        self._failures[node] += 1
        self._message = message

    def succeeded(self, node: str) -> None:
        """A worker is ready there."""
        del self._failures[node]

    def exhausted(self, nodes: int) -> bool:
        """Whether none of so many nodes is worth another try."""
        spent = self.spent
        return bool(spent) and len(spent) >= nodes

    def told(self) -> str:
        """What failed, in words."""
        where = f" on {len(self.spent)} machines" if len(self.spent) > 1 else ""
        return f"{self._failures.total()} failed in a row{where}: {self._message}"
