"""The driver's hold on its run: the lease, renewed beside the work."""

from __future__ import annotations

import logging
import threading
import time

from neckar.pipeline.results.lease import LEASE_SECONDS, Lease, LeaseLost
from neckar.pipeline.storage.store import StoreError

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews a lease from a thread until `end`.

    Args:
        lease: in hand.
        every_s: seconds between renewals.
    """

    def __init__(self, lease: Lease, *, every_s: float = LEASE_SECONDS / 3) -> None:
        self.lease = lease
        self.lost: str | None = None  # who has taken the run over, in words
        self._every_s = every_s
        self._renewed = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def age_s(self) -> float:
        """Since it was last renewed."""
        return time.monotonic() - self._renewed

    def end(self) -> None:
        """Stop renewing and let the next driver begin at once."""
        self._over.set()
        self._thread.join()
        if self.lost is None:
            try:
                self.lease.release()
            except (LeaseLost, StoreError) as error:
                log.warning("%s; the lease runs out by itself", error)

    def _renew(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self.lease.renew()
                self._renewed = time.monotonic()
            except LeaseLost as error:
                self.lost = str(error)
                return
            except StoreError as error:
                log.warning("%s; the lease is renewed at the next turn", error)
