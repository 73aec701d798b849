"""The alerts: valid, each firing and silent when it should, and on series that a run exports."""

import json
import re

import pytest
import yaml

from neckar.pipeline.driver.ray_metrics import exported
from tests.deploy.conftest import DEPLOY, checker, ran

RULES = yaml.safe_load((DEPLOY / "kubernetes/base/prometheusrule.yaml").read_text())["spec"]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
FOREIGN = {"kube_cronjob_status_last_successful_time"}  # kube-state-metrics'

pytestmark = pytest.mark.slow

CRON = 'kube_cronjob_status_last_successful_time{cronjob="neckar-nightly",namespace="lab"}'
OK, BAD = 'ray_neckar_pairs_total{run="demo",status="ok"}', 'ray_neckar_pairs_total{run="demo",status="quarantined"}'
FLIGHT, LEASE = 'ray_neckar_pairs_in_flight{run="demo"}', 'ray_neckar_lease_age_seconds{run="demo"}'
CASES = {  # alert: series by the minute, minute of the look, whether it fires
    "NeckarNightMissed": [({CRON: "0x1800"}, 1600, True), ({CRON: "0x1000 60000x800"}, 1600, False), ({}, 1600, False)],
    "NeckarNoProgress": [
        ({OK: "5x120", FLIGHT: "4x120"}, 90, True),
        ({OK: "0+1x120", FLIGHT: "4x120"}, 90, False),
        ({OK: "5x120", FLIGHT: "0x120"}, 90, False),
    ],
    "NeckarQuarantineShare": [
        ({OK: "90x30", BAD: "2x30"}, 20, True),
        ({OK: "990x30", BAD: "2x30"}, 20, False),
        ({OK: "90x30"}, 20, False),
    ],
    "NeckarStaleLease": [({LEASE: "0+60x30"}, 20, True), ({LEASE: "9x30"}, 20, False)],
}


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(RULES))
    return path


def test_rules_are_valid_and_a_fault_is_seen(rules):
    promtool = checker("promtool")
    done = ran(promtool, "check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr
    rules.write_text(rules.read_text().replace("sum by (run)", "summ by (run)", 1))
    assert ran(promtool, "check", "rules", rules).returncode != 0


def test_every_alert_has_its_cases():
    assert set(CASES) == set(ALERTS)


def judged(rules, alert, series, minute, fires):
    rule = ALERTS[alert]
    labels = {
        **rule["labels"],
        **({"cronjob": "neckar-nightly", "namespace": "lab"} if "Night" in alert else {"run": "demo"}),
    }
    annotations = {
        key: re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: labels[m[1]], text)
        for key, text in rule["annotations"].items()
    }
    case = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [
                    {
                        "eval_time": f"{minute}m",
                        "alertname": alert,
                        "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}] if fires else [],
                    }
                ],
            }
        ],
    }
    path = rules.parent / "case.yaml"
    path.write_text(yaml.safe_dump(case))
    return ran(checker("promtool"), "test", "rules", path)


@pytest.mark.parametrize(
    ("alert", "series", "minute", "fires"),
    [(alert, *case) for alert, cases in CASES.items() for case in cases],
    ids=[
        f"{alert}-{'fires' if case[2] else 'silent'}-{i}"
        for alert, cases in CASES.items()
        for i, case in enumerate(cases)
    ],
)
def test_alerts_fire_and_are_silent(rules, alert, series, minute, fires):
    done = judged(rules, alert, series, minute, fires)
    assert done.returncode == 0, done.stdout + done.stderr
    other = judged(rules, alert, series, minute, not fires)
    assert other.returncode != 0  # the tester tells the two apart


def series_in(text):
    return set(re.findall(r"\b(?:ray_neckar|kube)_\w+", text))


def test_alerts_and_dashboard_ask_for_series_that_there_are():
    asked = series_in(json.dumps(RULES))
    assert asked
    assert asked <= exported() | FOREIGN
    dashboard = (DEPLOY / "grafana/neckar.json").read_text()
    assert series_in(dashboard) <= exported()
    assert exported() - series_in(dashboard) <= {"ray_neckar_pair_seconds_sum"}  # Ray's guess: the exact one is shown
    assert "ray_neckar_pair_total" not in exported()


def test_every_panel_takes_the_data_source_that_is_chosen():
    dashboard = json.loads((DEPLOY / "grafana/neckar.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {"${datasource}"}
    assert dashboard["templating"]["list"][0]["type"] == "datasource"


def test_every_alert_has_an_entry_in_the_runbook():
    runbook = (DEPLOY / "README.md").read_text()
    for alert, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"deploy/README.md#{alert.lower()}"
        assert f"#### {alert}\n" in runbook, alert


def test_the_readme_tells_of_every_series():
    told = series_in((DEPLOY / "README.md").read_text()) | {
        f"ray_neckar_pair_seconds_{part}" for part in ("count", "sum")
    }
    assert exported() <= told
    assert {name for name in told if name.startswith("ray_neckar")} <= exported()
