"""Five nights on a cluster: the first, one more style, nothing new, killed between any two phases, refused."""

import json
import subprocess
import sys

import pytest
from PIL import Image
from skimage import data

from neckar.pipeline.results.versions import open_results, version_dates
from neckar.pipeline.storage.access import open_store
from tests.jobs.conftest import ROOT
from tests.storage import recorder

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(500)]


@pytest.fixture(scope="module", autouse=True)
def worker(cluster):
    with cluster.staffed() as host:
        yield host


class Lab:
    def __init__(self, cluster, s3, folder):
        self.cluster, self.s3, self.folder = cluster, s3, folder
        self.sources = open_store(f"{s3}/sources")

    def add(self, side, name):
        picture = self.folder / "picture.png"
        Image.fromarray(getattr(data, name)()[:96, :96]).save(picture)
        self.sources.put(f"{side}/{name}.png", picture.read_bytes())

    def night(self, date, *, name="demo", kill_after=""):
        """(exit code, summary, keys that were put)."""
        config = self.folder / f"{name}.yaml"
        config.write_text(
            f"name: {name}\nstore: {self.s3}\nsettings: {{size: 48, iterations: 4}}\ngates: {{ok: 1.0}}\n"
            f"sources: {{content: {self.s3}/sources/c, style: {self.s3}/sources/s}}\n"
        )
        (self.folder / "calls").unlink(missing_ok=True)
        extra = {"KILL_AFTER": kill_after} if kill_after else {}
        head = self.cluster.head  # a driver is a machine's of its cluster
        night = [
            sys.executable,
            "-m",
            "neckar",
            "nightly",
            str(config),
            "--date",
            date,
            "--address",
            f"{head.address}:6379",
        ]
        done = subprocess.run(
            head.there(*night),
            env=recorder.recorded(self.folder, str(ROOT)) | self.cluster.environment
            | {"PYTHONPATH": f"{self.folder}:{ROOT}", **extra},
            cwd=self.folder, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        put = [
            url.partition("/datasets/")[2] for operation, url in recorder.calls(self.folder) if operation == "PutObject"
        ]
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr, put

    def pixels(self, name="demo"):
        rows = self.cluster.rows(f"{self.s3}/datasets/{name}")
        return {row["spec_hash"]: row["pixel_sha256"] for row in rows}


def test_five_nights(cluster, s3, tmp_path):
    lab = Lab(cluster, s3, tmp_path)
    lab.add("c", "coffee")
    lab.add("s", "rocket")
    code, first, _ = lab.night("2026-11-01")
    assert (code, first["outcome"], first["added"]) == (0, "published", 1), first

    lab.add("s", "astronaut")
    code, second, _ = lab.night("2026-11-02")
    assert (code, second["added"], second["kept"]) == (0, 1, 1)

    code, third, put = lab.night("2026-11-03")
    assert (code, third["outcome"]) == (0, "unchanged")
    assert put == ["demo/nights/2026-11-03/summary.json"]
    assert lab.night("2026-11-02")[2] == []  # published already

    lab.add("s", "chelsea")
    images = []  # the cluster's workers put them; the driver's own puts are counted here
    for point in ("pictures.json", "plan.json", "_SUCCESS.json", "versions/2026-11-04.json"):
        code, told, put = lab.night("2026-11-04", kill_after=point)
        assert code == recorder.KILLED, (point, told)
        assert any(key.endswith(point) for key in put)  # the lease may have been renewed at that moment
        images += put
    code, fourth, put = lab.night("2026-11-04")
    assert (code, fourth["outcome"], fourth["added"], fourth["kept"]) == (0, "published", 1, 2)
    assert put == ["demo/nights/2026-11-04/summary.json"]
    often = ("lease.json", "live.json", ".neckar-probe")  # renewed, and asked by every process
    once = [key for key in images + put if key.rpartition("/")[2] not in often]
    assert len(set(once)) == len(once), once  # nothing was written twice
    code, whole, _ = lab.night("2026-11-04", name="whole")
    assert (code, whole["added"]) == (0, 3)
    assert lab.pixels() == lab.pixels("whole")
    lines = [
        (part.uri.split("/")[1], part.counting) for part in open_results(f"{s3}/datasets/demo@2026-11-04").record.parts
    ]
    assert lines == [("2026-11-01", 1), ("2026-11-02", 1), ("2026-11-04", 1)]

    lab.sources.put("s/broken.png", b"no picture")
    code, fifth, _ = lab.night("2026-11-05")
    assert (code, fifth["outcome"], str(fifth["version"])) == (1, "refused", "2026-11-04")
    assert [str(day) for day in version_dates(open_store(f"{s3}/datasets/demo"))] == [
        "2026-11-01",
        "2026-11-02",
        "2026-11-04",
    ]
