"""The compact form of L-BFGS: all that its direction needs of a history are inner products.

Byrd, Nocedal & Schnabel 1994, eq. 3.1, with K in place of the identity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

HISTORY = 30  # pairs (s, y); more are worth less than the memory they take, the runs are in docs/benchmarks.md


class CompactForm:
    """The inner products of every slot's history, float64, and the direction that follows from them.

    A slot's pairs fill its places one after the other; when all are taken, the oldest gives way.

    Attributes:
        used: pairs in the history of each slot.

    Args:
        slots: images at a time.
        m: pairs kept of each.
    """

    def __init__(self, slots: int, m: int) -> None:
        self.used = [0] * slots
        self._next = [0] * slots  # the place of the next pair
        self._fresh = [False] * slots  # the newest pair's products with the others are not known yet
        self._m = m
        self._Sg = np.zeros((slots, m))  # s_i . g, by place
        self._Yg = np.zeros((slots, m))  # Ky_i . g
        self._SY = np.zeros((slots, m, m))  # s_i . y_j, where s_i is not newer than y_j
        self._YY = np.zeros((slots, m, m))  # Ky_i . y_j

    def forget(self, slot: int) -> None:
        """An empty history."""
        self.used[slot], self._next[slot], self._fresh[slot] = 0, 0, False

    def add(self, slot: int, sy: float, yKy: float) -> int:
        """The place of a new pair.

        Args:
            slot: which.
            sy: s . y, positive.
            yKy: Ky . y, positive.
        """
        place = self._next[slot]
        self._next[slot] = (place + 1) % self._m
        self.used[slot] = min(self.used[slot] + 1, self._m)
        self._SY[slot, place, place], self._YY[slot, place, place] = sy, yKy
        self._fresh[slot] = True
        return place

    def project(self, slot: int, with_g: np.ndarray) -> None:
        """Take the products with the new gradient in; those with the new y are their differences.

        Args:
            slot: which.
            with_g: s_i . g and Ky_i . g of every place in use, (used, 2).
        """
        sg, yg = with_g.T
        if self._fresh[slot]:
            *older, new = self._by_age(slot)[: self.used[slot]]
            self._SY[slot, older, new] = sg[older] - self._Sg[slot, older]
            across = yg[older] - self._Yg[slot, older]
            self._YY[slot, older, new] = self._YY[slot, new, older] = across
            self._fresh[slot] = False
        self._Sg[slot, : len(sg)], self._Yg[slot, : len(yg)] = sg, yg

    def direction(self, slots: Sequence[int], stretch: float) -> tuple[np.ndarray, np.ndarray]:
        """The direction -H g of every slot in terms of its history (Byrd, Nocedal & Schnabel 1994, eq. 3.1).

        With p = R^-1 S^T g and q = R^-T ((D + gamma Y^T K Y) p - gamma (KY)^T g) it is KY gamma p - S q - gamma K g,
        where R is the upper triangle of S^T Y, D its diagonal, and pairs are in the order of their age.

        Args:
            slots: which.
            stretch: factor of gamma.

        Returns:
            Weights of s_i and Ky_i of every place, (len(slots), m, 2), and the weights of K g, (len(slots),).
        """
        slot = np.asarray(slots)[:, None]
        places = np.array([self._by_age(s) for s in slots])
        live = np.arange(self._m) < np.array([self.used[s] for s in slots])[:, None]
        both = live[:, :, None] & live[:, None]
        Sg, Yg = np.where(live, self._Sg[slot, places], 0.0), np.where(live, self._Yg[slot, places], 0.0)
        rows, columns = places[:, :, None], places[:, None]
        R = np.where(both, np.triu(self._SY[slot[:, :, None], rows, columns]), np.eye(self._m))
        YY = np.where(both, self._YY[slot[:, :, None], rows, columns], np.eye(self._m))
        D = np.diagonal(R, axis1=1, axis2=2)
        newest = np.maximum(live.sum(1), 1)[:, None] - 1
        gamma = stretch * np.take_along_axis(D / np.diagonal(YY, axis1=1, axis2=2), newest, 1)
        p = np.linalg.solve(R, Sg[:, :, None])[:, :, 0]
        right = D * p + gamma * ((YY @ p[:, :, None])[:, :, 0] - Yg)
        q = np.linalg.solve(R.transpose(0, 2, 1), right[:, :, None])[:, :, 0]
        weights = np.zeros((len(slots), self._m, 2))
        np.put_along_axis(weights[:, :, 0], places, -q, 1)
        np.put_along_axis(weights[:, :, 1], places, gamma * p, 1)
        return weights, -gamma[:, 0]

    def _by_age(self, slot: int) -> np.ndarray:
        """All places, the oldest pair's first; those without a pair come last."""
        return (self._next[slot] - self.used[slot] + np.arange(self._m)) % self._m
