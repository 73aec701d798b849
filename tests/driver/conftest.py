"""A cluster that the tests of a module share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster on this machine's loopback that runs join: a head without cores and a node with two."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=2)
    yield cluster
    cluster.shutdown()
