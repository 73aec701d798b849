"""A whole run through a proxy that spoils one request in twenty of a real S3 server."""

from __future__ import annotations

import random
from collections import Counter

import boto3
import pytest

from tests.chaos.engine import FOLDER
from tests.chaos.stage import LONG, audit, start_driver, write_manifest
from tests.storage.faulty import faulty_proxy

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(900)]

PAIRS = 1000 if LONG else 150
RATE = 0.05


def test_one_request_in_twenty_fails_and_every_pair_comes_out(tmp_path, s3_server, s3_uri, monkeypatch):
    """500, 503, SlowDown, resets, lost answers, bodies cut off and bodies altered."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    manifest = write_manifest(tmp_path, range(PAIRS), iterations=5)
    client = boto3.client("s3", endpoint_url=s3_server.endpoint_url)
    with faulty_proxy(s3_server.endpoint_url, client) as proxy:
        proxy.spoil_at_random(RATE, random.Random(5))
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint_url)
        driver = start_driver(manifest, s3_uri, workers=2, slots=4, lease_s=30.0)
        _, words = driver.communicate(timeout=600)
        assert driver.returncode == 0, words
        proxy.spoil_at_random(0.0, random.Random(5))
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint_url)
    found = audit(s3_uri, PAIRS)
    spoilt = Counter(proxy.spoilt)
    print(f"\n{len(proxy.requests)} requests, {sum(spoilt.values())} spoilt: {dict(spoilt)}; {dict(found.statuses)}")
    assert found.statuses == {"ok": PAIRS}
    assert (found.lost, found.duplicated, found.broken) == (0, 0, 0)
    assert len(spoilt) >= 3  # kinds of faults: which ones is chance, for requests come in any order
