"""A worker whose parent is gone ends itself: nobody is left to whom it could answer, and it holds memory and a GPU."""

from __future__ import annotations

import os
import threading
import time

LOOK_S = 1.0  # between looks at who the parent is
ORPHANED = 83  # exit code, for whoever reads Ray's logs


def end_with_parent() -> None:
    """From now on this process ends within seconds of its parent, Ray's process of this machine.

    Ray's own look at it waits for a moment when Python runs, which inside a convolution never comes.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:  # an orphan has another one
            time.sleep(LOOK_S)
        os._exit(ORPHANED)  # not sys.exit: that ends a thread

    threading.Thread(target=watch, name="parent", daemon=True).start()
