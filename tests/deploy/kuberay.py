"""What KubeRay accepts: a strict JSON Schema of its own definitions, and a table of what only its operator refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(os.environ.get("KUBERAY_DEFINITIONS", Path(__file__).parents[3] / "shared" / "kuberay"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MODES = {"K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode"}
NAME_MAX = {"RayJob": 47, "RayCluster": 50, "RayCronJob": 50}
ENDINGS = "-yyyymmdd"  # what the CronJob's script adds to the pattern's name


@cache
def schema(kind: str) -> dict[str, Any]:
    """Of a kind, everything unknown refused."""
    (path,) = FOLDER.glob(f"crds/{kind.lower()}s.yaml")
    (version,) = [v for v in yaml.load(path.read_text(), LOADER)["spec"]["versions"] if v["name"] == "v1"]
    found = version["schema"]["openAPIV3Schema"]
    found["properties"]["metadata"] = {"type": "object"}
    return strict(found)


def strict(node: dict[str, Any]) -> dict[str, Any]:
    """The node with nothing beside its properties; what has a default need not be given."""
    node = dict(node)
    if node.pop("x-kubernetes-int-or-string", False):
        node.pop("type", None)
        node["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if node.get("nullable") and "type" in node:
        node["type"] = [node["type"], "null"]
    if "properties" in node:
        properties = {name: strict(part) for name, part in node["properties"].items()}
        node["properties"] = properties
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            node["additionalProperties"] = False
        node["required"] = [name for name in node.get("required", []) if "default" not in properties.get(name, {})]
    elif isinstance(node.get("additionalProperties"), dict):
        node["additionalProperties"] = strict(node["additionalProperties"])
    if isinstance(node.get("items"), dict):
        node["items"] = strict(node["items"])
    return node


def refused_by_the_operator(document: dict[str, Any]) -> Iterator[str]:
    """What the definitions let pass and the operator does not, in words."""
    kind, name = document["kind"], document["metadata"]["name"]
    if len(name) > NAME_MAX.get(kind, 253):
        yield f"{kind} {name}: a name has at most {NAME_MAX[kind]} characters"
    job = document["spec"] if kind == "RayJob" else document["spec"].get("jobTemplate", {})
    if kind in ("RayJob", "RayCronJob"):
        yield from _of_job(job)
        cluster = job.get("rayClusterSpec", {})
    else:
        cluster = document["spec"]
    yield from _of_cluster(cluster)


def _of_job(job: dict[str, Any]) -> Iterator[str]:
    if job.get("submissionMode", "K8sJobMode") not in MODES:
        yield f"submissionMode {job['submissionMode']} is none of {sorted(MODES)}"
    rules = job.get("deletionStrategy", {}).get("deletionRules")
    if rules and job.get("shutdownAfterJobFinishes"):
        yield "shutdownAfterJobFinishes beside deletionRules"
    scaling = job.get("rayClusterSpec", {}).get("enableInTreeAutoscaling")
    if scaling and any(rule.get("policy") == "DeleteWorkers" for rule in rules or []):
        yield "the rule DeleteWorkers with autoscaling"
    if job.get("ttlSecondsAfterFinished") and not job.get("shutdownAfterJobFinishes"):
        yield "ttlSecondsAfterFinished without shutdownAfterJobFinishes"


def _of_cluster(cluster: dict[str, Any]) -> Iterator[str]:
    if cluster.get("authOptions", {}).get("mode") == "token" and not cluster.get("rayVersion"):
        yield "authOptions token without rayVersion"
    groups = [cluster.get("headGroupSpec", {}), *cluster.get("workerGroupSpecs", [])]
    second = cluster.get("autoscalerOptions", {}).get("version") == "v2"
    for group in groups:
        policy = group.get("template", {}).get("spec", {}).get("restartPolicy", "Never")
        if cluster.get("enableInTreeAutoscaling") and second and policy != "Never":
            yield f"restartPolicy {policy} with autoscaler v2"
    for group in groups[1:]:
        least, most = group.get("minReplicas", 0), group.get("maxReplicas", 2**31 - 1)
        if not least <= group.get("replicas", 0) <= most:
            yield f"group {group['groupName']}: replicas beyond minReplicas and maxReplicas"
    names = [group["groupName"] for group in groups[1:]]
    if len(set(names)) < len(names):
        yield "two groups of one name"
