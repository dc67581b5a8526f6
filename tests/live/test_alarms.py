"""Each rule of deploy/alarms.yaml fires in the state that it is for, and none while all is well."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from anonymize.live.health import Limits
from anonymize.live.metrics import Metrics
from anonymize.live.supervisor.run import _Merged

RULES = Path(__file__).parents[2] / "deploy" / "alarms.yaml"
COMPARED = re.compile(r"(\w+)(?:\{(.*)\})? (==|>) (\d+)")
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool: make deploy-test")


def rules():
    """Alert -> expression."""
    text = RULES.read_text()
    return dict(zip(re.findall(r"alert: (\w+)", text), re.findall(r"expr: (.+)", text), strict=True))


def samples(text):
    return [one for family in text_string_to_metric_families(text) for one in family.samples]


def matches(labels, wanted):
    for name, how, value in re.findall(r'(\w+)(=~|=)"([^"]*)"', wanted or ""):
        if not re.fullmatch(value if how == "=~" else re.escape(value), labels.get(name, "")):
            return False
    return True


def holds(expression, before, now):
    """Whether an expression of the few forms that the rules have is true of two expositions."""
    if found := re.fullmatch(r"absent\((\w+)\)", expression):
        return not any(one.name == found[1] for one in samples(now))
    if found := re.fullmatch(r"increase\((\w+)\[1h\]\) > 0", expression):
        one, other = (sum(each.value for each in samples(text) if each.name == found[1]) for text in (before, now))
        return other > one
    found = COMPARED.fullmatch(expression)
    assert found, expression
    name, labels, how, limit = found.groups()
    values = [one.value for one in samples(now) if one.name == name and matches(one.labels, labels)]
    return any(value == float(limit) if how == "==" else value > float(limit) for value in values)


class Supervised:
    """A camera's process as the supervisor's exposition sees it."""

    def __init__(self, metrics, *, up=True, restarts=0):
        self.camera = type("Named", (), {"name": "market"})
        self.up, self.restarts = up, restarts
        self.report = {"metrics": metrics.text().decode()}


def exposition(metrics, **state):
    registry = CollectorRegistry()
    registry.register(_Merged(cast("Any", [Supervised(metrics, **state)])))
    return generate_latest(registry).decode()


def camera(change=lambda _: None, seconds=120, obscured=0.0, late=0.0, *, over=0.0):
    """The metrics of a camera after so many seconds, of which these shares were hidden and late."""
    now = [0.0]
    made = Metrics("market", Limits(), lambda: now[0])
    made.stage("source", "ok")
    made.stage("sink record", "ok")
    for second in range(seconds):
        now[0] = float(second)
        for frame in range(10):
            if frame < 10 * obscured:
                made.obscured()
            elif frame < 10 * (obscured + late):
                made.late(0.1)
            made.frames_out()
            made.latency(0.8, over)
    change(made)
    now[0] += 30 if change is silent else 1
    return made


def silent(_):
    """No frame has gone out for long."""


STATES: dict[str, Any] = {
    "well": (camera, {}, set()),
    "silent": (lambda: camera(silent), {}, {"AnonymizeFailing"}),
    "blank": (lambda: camera(obscured=1.0), {}, {"AnonymizeFailing"}),
    "mostly hidden": (lambda: camera(obscured=0.6), {}, {"AnonymizeFailing"}),
    "hidden": (lambda: camera(obscured=0.2), {}, {"AnonymizeDegraded"}),
    "late": (lambda: camera(late=0.2), {}, {"AnonymizeDegraded"}),
    "slow": (lambda: camera(over=0.4), {}, {"AnonymizeDegraded"}),
    "sink lost": (
        lambda: camera(lambda made: made.stage("sink record", "lost", "the disk is full")),
        {},
        {"AnonymizeDegraded", "AnonymizeSinkLost"},
    ),
    "sink failed": (
        lambda: camera(lambda made: made.stage("sink record", "failed")),
        {},
        {"AnonymizeFailing", "AnonymizeSinkLost"},
    ),
    "source lost": (lambda: camera(lambda made: made.stage("source", "lost")), {}, {"AnonymizeSourceLost"}),
    "down": (camera, {"up": False}, {"AnonymizeCameraDown"}),
    "restarted": (camera, {"restarts": 1}, {"AnonymizeRestarted"}),
}


@pytest.mark.parametrize("state", STATES)
def test_the_alarms_of_each_state_fire_and_no_others(state):
    make, how, expected = STATES[state]
    before, now = exposition(camera()), exposition(make(), **how)
    assert {name for name, expression in rules().items() if holds(expression, before, now)} == expected


def test_an_alarm_fires_when_nothing_answers():
    assert holds(rules()["AnonymizeGone"], "", "")


def test_each_rule_fires_in_some_state():
    assert set().union(*(expected for _, _, expected in STATES.values()), {"AnonymizeGone"}) == set(rules())


@needs_promtool
def test_prometheus_takes_the_rules():
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules())} rules found" in done.stdout
