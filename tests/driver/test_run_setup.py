"""What is refused before Ray starts."""

from __future__ import annotations

import json
import os
import signal
import time

import numpy as np
import pytest

from neckar.pipeline.driver import session
from neckar.pipeline.driver.admission import Terms
from neckar.pipeline.driver.lease_keeper import LeaseKeeper
from neckar.pipeline.driver.run_setup import RunSetup
from neckar.pipeline.driver.signals import StopSignals
from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.layout import LEASE_KEY
from neckar.pipeline.results.lease import LeaseHeld, acquire
from neckar.pipeline.results.records import read_record
from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Denied, StoreError, Unavailable
from neckar.schemas.errors import UserError
from neckar.schemas.run import LeaseRecord


def loaded(folder, **changes):
    (folder / "picture.png").write_bytes(encode_png(np.zeros((20, 24, 3), np.uint8), {}))
    entries = [{"id": f"p{index}", "content": "picture.png", "style": "picture.png"} for index in range(3)]
    value = {"schema_version": 1, "name": "test", "settings": {"size": 24}, "pairs": entries} | changes
    (folder / "jobs.json").write_text(json.dumps(value))
    return load_manifest(str(folder / "jobs.json"))


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    def never(address):
        raise AssertionError("Ray was started")

    monkeypatch.setattr(session, "Cluster", never)


def quietly(text):
    """Nobody listens."""


def test_an_output_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_text("here I am")
    with pytest.raises(StoreError, match="taken"):
        session.run(loaded(tmp_path), output=str(tmp_path / "taken"))


def test_wrong_credentials(tmp_path, s3_uri, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Denied, match="AWS_SECRET_ACCESS_KEY"):
        session.run(loaded(tmp_path), output=s3_uri)


@pytest.mark.slow
def test_an_endpoint_that_does_not_answer(tmp_path, monkeypatch):
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with pytest.raises(Unavailable, match="AWS_ENDPOINT_URL"):
        session.run(loaded(tmp_path), output="s3://bucket/run")


def test_mistakes_in_the_pairs_before_anything_is_written(tmp_path):
    manifest = loaded(tmp_path, pairs_from="more.csv")
    (tmp_path / "more.csv").write_text("id,content,alpha\nx,a.png,1\ny,b.png,much\n")
    with pytest.raises(UserError, match=r"more\.csv"):
        session.run(manifest, output=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_another_driver_at_work(tmp_path):
    keeper = LeaseKeeper(acquire(LocalStore(tmp_path / "run"), "somebody", seconds=30), every_s=0.2)
    try:
        with pytest.raises(LeaseHeld, match="somebody is at work"):
            session.run(loaded(tmp_path), output=str(tmp_path / "run"))
    finally:
        keeper.end()


def test_a_dead_drivers_lease_is_waited_for(tmp_path):
    acquire(LocalStore(tmp_path / "run"), "the dead", seconds=2)
    said = []
    setup = RunSetup(loaded(tmp_path), str(tmp_path / "run"), say=said.append)
    assert setup.begin() is None
    setup.close()
    assert "the lease of the dead" in said[0]


def test_a_run_begun_resumed_changed_and_finished(tmp_path):
    manifest, output = loaded(tmp_path), str(tmp_path / "run")
    setup = RunSetup(manifest, output, say=quietly)
    assert setup.finished() is None
    assert setup.begin() is None
    created = setup.create(Terms("bfloat16", "5" * 64))
    assert (created.record.pairs, created.record.precision) == (3, "bfloat16")
    assert [pair.pair_id for pair in setup.todo(created, retry_failed=False)] == ["p0", "p1", "p2"]
    setup.close()

    again = RunSetup(manifest, output, say=quietly)
    resumed = again.begin()
    assert resumed.record == created.record  # precision and weights of the first start
    again.close()

    with pytest.raises(UserError, match=r"settings\.size: was 24, is 32 now"):
        RunSetup(loaded(tmp_path, settings={"size": 32}), output, say=quietly).begin()


def test_the_lease_is_renewed_and_given_back(tmp_path):
    store = LocalStore(tmp_path)
    keeper = LeaseKeeper(acquire(store, "me"), every_s=0.05)
    first, until = read_record(store, LEASE_KEY, LeaseRecord), time.monotonic() + 30
    while read_record(store, LEASE_KEY, LeaseRecord).expires_at == first.expires_at:
        assert time.monotonic() < until
        time.sleep(0.02)
    with pytest.raises(LeaseHeld):
        acquire(store, "you")
    keeper.end()
    assert keeper.lost is None
    assert acquire(store, "you").owner == "you"


def test_a_lease_taken_over_is_noticed(tmp_path):
    store = LocalStore(tmp_path)
    keeper = LeaseKeeper(acquire(store, "me", seconds=0.0), every_s=0.1)
    acquire(store, "you")
    until = time.monotonic() + 10
    while keeper.lost is None and time.monotonic() < until:
        time.sleep(0.02)
    assert "taken over by you" in keeper.lost
    keeper.end()


def test_the_first_signal_is_a_wish_and_the_second_an_order():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs this with "&"
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGTERM)
            assert signals.wanted
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with StopSignals(at_once=True) as signals:
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
            with signals.held_back():
                os.kill(os.getpid(), signal.SIGTERM)
                assert signals.wanted
    finally:
        signal.signal(signal.SIGINT, before)
