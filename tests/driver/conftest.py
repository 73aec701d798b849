"""Ray reads its environment once, when it is imported: all clusters of the tests stay on the loopback interface."""

from __future__ import annotations

import os

import pytest

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # see pipeline/driver/ray_cluster.py


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster on this machine's loopback that runs join: a head without cores and a node with two."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()
