"""Ray reads its environment once, when it is imported: all clusters of the tests stay on the loopback interface."""

from __future__ import annotations

import os

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # see pipeline/driver/ray_cluster.py
