"""The manifests: every kind by a schema that refuses what is unknown, and by the rules that no schema has."""

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
import yaml

from neckar.schemas.version import neckar_version
from tests.deploy.conftest import DEPLOY, OVERLAYS, checker, ran
from tests.deploy.kuberay import LOADER, refused_by_the_operator, schema

RAY_KINDS = ("RayJob", "RayCluster", "RayCronJob")
OTHERS = ("PodMonitor", "PrometheusRule")  # of Prometheus' operator; the rules are promtool's

pytestmark = pytest.mark.slow


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


def validated(documents, tmp_path):
    path = tmp_path / "documents.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return ran(checker("kubernetes-validate"), "--strict", path)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_core_kinds(rendered, overlay, tmp_path):
    core = [d for d in rendered[overlay] if d["kind"] not in (*RAY_KINDS, *OTHERS)]
    assert core
    done = validated(core, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_core_kinds_are_really_checked(rendered, tmp_path):
    (job,) = of_kind(rendered["base"], "CronJob")
    job = copy.deepcopy(job)
    job["spec"]["concurencyPolicy"] = job["spec"].pop("concurrencyPolicy")
    done = validated([job], tmp_path)
    assert done.returncode != 0
    assert "concurencyPolicy" in done.stdout + done.stderr


def cron_mistakes(spec):
    """What Kubernetes would refuse, or make of a night that daylight saving skips or repeats."""
    mistakes = []
    if spec.get("concurrencyPolicy") != "Forbid":
        mistakes.append("concurrencyPolicy is not Forbid")
    fields = spec["schedule"].split()
    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    if len(fields) != 5 or not all(
        field == "*" or (field.isdigit() and low <= int(field) <= high)
        for field, (low, high) in zip(fields, ranges, strict=False)
    ):
        return [*mistakes, f"no schedule: {spec['schedule']}"]
    try:
        zone = ZoneInfo(spec["timeZone"])
    except (KeyError, ValueError):
        return [*mistakes, f"no time zone: {spec.get('timeZone')}"]
    for day in range(366):
        there = datetime(2026, 1, 1, int(fields[1]), int(fields[0]), tzinfo=UTC) + timedelta(days=day)
        first, second = there.replace(tzinfo=zone), there.replace(tzinfo=zone, fold=1)
        if first.utcoffset() != second.utcoffset():
            mistakes.append(f"{there} is skipped or repeated in {zone}")
    if not spec.get("startingDeadlineSeconds"):
        mistakes.append("no startingDeadlineSeconds")
    return mistakes


@pytest.mark.parametrize("overlay", ["base", "eks", "fixed"])
def test_the_cron_job_s_time(rendered, overlay):
    (job,) = of_kind(rendered[overlay], "CronJob")
    assert cron_mistakes(job["spec"]) == []
    zone = {
        v["name"]: v.get("value")
        for v in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    (night,) = [d for d in of_kind(rendered[overlay], "ConfigMap") if d["metadata"]["name"] == "neckar-night"]
    assert zone["TIME_ZONE"] == job["spec"]["timeZone"] == yaml.safe_load(night["data"]["night.yaml"])["time_zone"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"concurrencyPolicy": "forbid"}, "not Forbid"),
        ({"schedule": "30 25 * * *"}, "no schedule"),
        ({"schedule": "30 20 * *"}, "no schedule"),
        ({"timeZone": "Europe/Tübingen"}, "no time zone"),
        ({"schedule": "30 2 * * *"}, "is skipped or repeated"),
        ({"startingDeadlineSeconds": None}, "no startingDeadlineSeconds"),
    ],
)
def test_times_that_cannot_be_are_seen(rendered, change, told):
    (job,) = of_kind(rendered["base"], "CronJob")
    assert any(told in mistake for mistake in cron_mistakes({**job["spec"], **change}))


@cache
def validator(kind):
    return pytest.importorskip("jsonschema").Draft202012Validator(schema(kind))


def ray_mistakes(document):
    found = validator(document["kind"]).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in found] + list(refused_by_the_operator(document))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ray_kinds(rendered, definitions, overlay):
    found = [d for d in rendered[overlay] if d["kind"] in RAY_KINDS]
    assert found
    for document in found:
        assert ray_mistakes(document) == []


def test_the_controls_pass(definitions):
    seen = failed = 0
    for path in sorted(definitions.glob("samples/*.yaml")):
        for document in yaml.load_all(path.read_text(), LOADER):
            if document and document.get("kind") in RAY_KINDS:
                seen += 1
                failed += any(validator(document["kind"]).iter_errors(document))
    assert seen > 30
    assert failed <= 1  # one of KubeRay's own has `metadata:` null


def planted(document, path, value):
    document = copy.deepcopy(document)
    *steps, last = path
    here = document
    for step in steps:
        here = here[step]
    here[last] = value
    return document


CLUSTER = ("spec", "rayClusterSpec")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "backofLimit"), 2),
        ((*CLUSTER, "authOptions", "mode"), "tokens"),
        ((*CLUSTER, "workerGroupSpecs", 0, "priorty"), 10),
        ((*CLUSTER, "autoscalerOptions", "version"), "v3"),
        ((*CLUSTER, "headGroupSpec", "template", "spec", "containers", 0, "imagePullPolice"), "Always"),
        (("spec", "submissionMode"), "K8SJobMode"),
        (
            ("spec", "deletionStrategy"),
            {"deletionRules": [{"policy": "DeleteWorkers", "condition": {"jobStatus": "FAILED"}}]},
        ),
        (("spec", "shutdownAfterJobFinishes"), False),
        ((*CLUSTER, "headGroupSpec", "template", "spec", "restartPolicy"), "Always"),
        ((*CLUSTER, "rayVersion"), None),
        ((*CLUSTER, "workerGroupSpecs", 0, "replicas"), 99),
        ((*CLUSTER, "workerGroupSpecs", 1, "groupName"), "spot"),
        (("metadata", "name"), "n" * 48),
    ],
    ids=lambda value: str(value)[:40],
)
def test_planted_faults_are_seen(rendered, definitions, path, value):
    (job,) = of_kind(rendered["base"], "RayJob")
    assert ray_mistakes(planted(job, path, value))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_a_night_needs_of_its_cluster(rendered, overlay):
    (job,) = of_kind(rendered[overlay], "RayJob")
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    assert spec["suspend"] is True
    assert (spec["backoffLimit"], spec["shutdownAfterJobFinishes"]) == (2, True)
    assert cluster["authOptions"] == {"mode": "token"}
    head = cluster["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert head["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] == "8Gi"
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    if overlay == "fixed":
        assert not cluster["enableInTreeAutoscaling"]
        assert groups["fixed"]["replicas"] == groups["fixed"]["minReplicas"] == groups["fixed"]["maxReplicas"]
    else:
        assert {name: (group["priority"], group["minReplicas"]) for name, group in groups.items()} == {
            "spot": (10, 0),
            "on-demand": (0, 0),
        }
    for group in groups.values():
        assert group["template"]["spec"]["terminationGracePeriodSeconds"] == 60
    accounts = {d["metadata"]["name"] for d in of_kind(rendered[overlay], "ServiceAccount")}
    used = {
        head["template"]["spec"]["serviceAccountName"],
        *(g["template"]["spec"]["serviceAccountName"] for g in groups.values()),
    }
    assert used <= accounts


def test_whoever_starts_a_night_may_do_nothing_else(rendered):
    (role,) = [d for d in of_kind(rendered["base"], "Role") if d["metadata"]["name"] == "neckar-nightly"]
    assert role["rules"] == [{"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["create", "get"]}]


def images(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "image" and isinstance(value, str):
                yield value
            else:
                yield from images(value)
    elif isinstance(node, list):
        for value in node:
            yield from images(value)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_image_is_of_this_release(rendered, overlay):
    found = set(images(rendered[overlay]))
    assert found
    assert {image.rpartition(":")[2] for image in found} == {neckar_version()}


def test_every_mounted_config_map_is_there(rendered):
    text = json.dumps(rendered["base"])
    mounted = set(re.findall(r'"configMap": \{"name": "([^"]+)"', text))
    assert mounted == {d["metadata"]["name"] for d in of_kind(rendered["base"], "ConfigMap")}
    assert (DEPLOY / "kubernetes/base/start_night.py").is_file()
