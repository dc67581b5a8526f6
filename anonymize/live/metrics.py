"""Counters of one camera for Prometheus, the health check and the preview page. Thread-safe."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from anonymize.data import Region
from anonymize.kinds import Why
from anonymize.live.detector.pace import Effort
from anonymize.live.health import Cause, Health, Limits, Obstacle, ill
from anonymize.live.log import logger
from anonymize.live.secrets import mask

disable_created_metrics()  # type: ignore[no-untyped-call]  # drop the extra `_created` samples
STATES = ("starting", "ok", "lost", "failed", "stopped")
"""States of a stage, see `Metrics.stage`."""
_LATENCY = (0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0, 1.5, 2.0, 5.0)
_LOOK = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
_RECENT = 1000
"""Frames over which the page's latency percentiles are computed."""
_WINDOW = 5.0
"""Seconds over which the page's frame rate is averaged."""
_MINUTE, _TELLING = 60, 30
"""Seconds with frames over which the share of obscured ones is counted, and from how many on it says anything."""
_WEIGHT = 0.2
"""Weight of the latest look in the mean of how long looks take."""
_LONG = 0.4
"""Seconds for looks at all sizes, from which on they may be why frames are not checked in time."""


@dataclass(frozen=True, slots=True)
class Stage:
    """State of one part of the chain: source, detector or a sink."""

    state: str
    detail: str
    since: float
    """When it entered this state, in seconds of the monotonic clock."""


class Metrics:
    """All counters of one camera.

    `frames_out` counts every frame handed to the sinks. Fully obscured frames are counted by `obscured` as well; call
    that first.

    Args:
        camera: label on every sample.
        limits: when `health` reports a fault.
        clock: seconds, monotonic.
    """

    def __init__(
        self, camera: str = "camera", limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.camera = camera
        self.limits = limits or Limits()
        self.registry = CollectorRegistry(auto_describe=True)
        self._clock = clock
        self._lock = threading.Lock()
        self._started = self._left = self._clear = clock()
        self._clear_frames = 0
        self._totals: Tally[str] = Tally()
        self._dropped: Tally[str] = Tally()
        self._found: Tally[str] = Tally()
        self._reconnects: Tally[str] = Tally()
        self._sink_dropped: Tally[str] = Tally()
        self._efforts: Tally[str] = Tally()
        self._coarser = 1.0
        self._looked = self._looked_small = float("-inf")
        """When a look, and one for the smallest faces, last ended."""
        self._took: dict[str, float] = {}
        """Effort -> running mean of the seconds that a look took."""
        self._late_area = 0.0
        self._stages: dict[str, Stage] = {}
        self._lost_since: dict[str, float] = {}
        self._regions: tuple[Region, ...] = ()
        self._things = 0
        self._obstacle: Obstacle | None = None
        self._latencies: deque[float] = deque(maxlen=_RECENT)
        self._departures: deque[tuple[float, int]] = deque()
        self._seconds: deque[tuple[int, Tally[str]]] = deque(maxlen=_MINUTE)
        """Second of the clock -> frames that went out in it, and obscured ones among them; the newest last."""
        self._set_up()

    def _set_up(self) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"anonymize_{name}", text, ["camera", *labels], registry=self.registry)

        def histogram(name: str, text: str, buckets: Sequence[float]) -> Histogram:
            made = Histogram(f"anonymize_{name}", text, ["camera"], buckets=buckets, registry=self.registry)
            return made.labels(self.camera)

        def gauge(name: str, text: str, value: Callable[[], float]) -> None:
            made = Gauge(f"anonymize_{name}", text, ["camera"], registry=self.registry)
            made.labels(self.camera).set_function(value)

        self._in = counter("frames_in", "Frames received from the source.").labels(self.camera)
        self._out = counter("frames_out", "Frames handed to the sinks, including obscured ones.").labels(self.camera)
        self._hidden = counter("frames_obscured", "Frames that went out fully obscured.").labels(self.camera)
        self._notices = counter(
            "frames_notice", "Notices that went out for want of frames, counted as obscured, too."
        ).labels(self.camera)
        self._repeated = counter(
            "frames_late", "Frames not checked in time that went out as the last picture, with what changed covered."
        ).labels(self.camera)
        self._repeated_area = counter(
            "frames_late_covered", "Share of the picture covered because a frame was late, summed over frames."
        ).labels(self.camera)
        self._lost = counter("frames_dropped", "Frames that did not go out, by reason.", "reason")
        self._finds = counter("detections", "Detections, by kind.", "kind")
        self._looks = counter("looks", "Runs of the detector, by effort: thorough, ordinary, small, coarser.", "effort")
        self._late = counter("looks_late", "Detector results that came too late to be used.").labels(self.camera)
        self._again = counter("reconnects", "Attempts to reconnect.", "stage")
        self._full = counter(
            "sink_dropped", "Packets or pictures that a sink dropped because its peer was too slow.", "sink"
        )
        self._viewers = Gauge(
            "anonymize_viewers", "Who watches a webrtc: sink now.", ["camera", "sink"], registry=self.registry
        )
        self._latency = histogram("latency_seconds", "From a frame's arrival to the sinks.", _LATENCY)
        self._look = histogram("look_seconds", "How long one run of the detector took.", _LOOK)
        self._state = Gauge(
            "anonymize_stage",
            "1 for the current state of a stage.",
            ["camera", "stage", "state"],
            registry=self.registry,
        )
        gauge(
            "memory_bytes",
            "Resident memory of this camera's process and those that it started: the detector, pushes.",
            memory,
        )
        gauge("healthy", "1 while /healthz does not report that it is failing.", lambda: float(self.health().ok))
        gauge("degraded", "1 while it works worse than it should.", lambda: float(self.health().degraded))
        gauge(
            "starting",
            "1 while it has not run for long enough to be judged, and is not all well.",
            lambda: float(self.health().starting),
        )
        gauge(
            "things_visible",
            "Detections left visible on the newest frame, in zones of --show-zone.",
            lambda: self._things,
        )
        gauge(
            "look_coarser",
            "By how much the smallest face searched for in the last run of the detector exceeded what was asked for.",
            lambda: self._coarser,
        )
        gauge("last_frame_age_seconds", "Since the last frame went out.", lambda: self._clock() - self._left)

    def frames_in(self, n: int = 1) -> None:
        """Count frames received from the source."""
        self._in.inc(n)
        self._count("in", n)

    def frames_out(self, n: int = 1) -> None:
        """Count frames handed to the sinks, obscured or not."""
        self._out.inc(n)
        now = self._clock()
        with self._lock:
            self._totals["out"] += n
            self._second(now)["out"] += n
            self._left = now
            clear = self._totals["out"] - self._totals["obscured"]
            if clear > self._clear_frames:
                self._clear_frames, self._clear = clear, now
            self._departures.append((now, n))
            while self._departures[0][0] < now - _WINDOW:
                self._departures.popleft()

    def obscured(self, n: int = 1) -> None:
        """Count frames about to go out fully obscured."""
        self._hidden.inc(n)
        with self._lock:
            self._totals["obscured"] += n
            self._second(self._clock())["obscured"] += n

    def notice(self) -> None:
        """Count a notice about to go out for want of a frame; `obscured` counts it as well."""
        self._notices.inc()
        self._count("notice", 1)

    def late(self, share: float) -> None:
        """Count a frame that goes out as the last picture, with `share` of it covered."""
        self._repeated.inc()
        self._repeated_area.inc(share)
        with self._lock:
            self._totals["frames late"] += 1
            self._second(self._clock())["late"] += 1
            self._late_area += share

    def dropped(self, reason: str, n: int = 1) -> None:
        """Count frames that did not go out."""
        self._lost.labels(self.camera, reason).inc(n)
        with self._lock:
            self._dropped[reason] += n

    def detections(self, kind: str, n: int) -> None:
        """Count `n` detections of `kind`."""
        self._finds.labels(self.camera, kind).inc(n)
        with self._lock:
            self._found[kind] += n

    def latency(self, seconds: float, over: float = 0.0) -> None:
        """Record the time from a frame's arrival to the sinks, and how much of it is `over` the lookahead."""
        self._latency.observe(seconds)
        with self._lock:
            self._latencies.append(seconds)
            second = self._second(self._clock())
            second["slow"] += over > self.limits.over

    def detected(self, seconds: float, effort: Effort) -> None:
        """Record how long one run of the detector took, and its effort."""
        self._look.observe(seconds)
        self._looks.labels(self.camera, effort.label).inc()
        with self._lock:
            self._totals["looks"] += 1
            self._efforts[effort.label] += 1
            before = self._took.get(effort.label, seconds)
            self._took[effort.label] = before + _WEIGHT * (seconds - before)
            now = self._clock()
            if (0 in effort.groups and effort.coarser == 1) or self._totals["looks"] == 1:
                self._looked_small = now
            self._looked = now
            self._coarser = effort.coarser

    def late_detections(self, n: int = 1) -> None:
        """Count detector results that came too late to be used."""
        self._late.inc(n)
        self._count("late", n)

    def reconnect(self, stage: str) -> None:
        """Count an attempt of `stage` to reach its peer again."""
        name = mask(stage)
        self._again.labels(self.camera, name).inc()
        with self._lock:
            self._reconnects[name] += 1

    def sink_dropped(self, sink: str, n: int = 1) -> None:
        """Count items dropped because the buffer of `sink` was full."""
        name = mask(sink)
        self._full.labels(self.camera, name).inc(n)
        with self._lock:
            self._sink_dropped[name] += n

    def viewers(self, sink: str, n: int) -> None:
        """Set how many watch `sink`."""
        self._viewers.labels(self.camera, mask(sink)).set(n)

    def stage(self, name: str, state: str, detail: str = "") -> None:
        """Set stage `name` to `state` (one of `STATES`); `detail` is for people. Raises ValueError."""
        if state not in STATES:
            raise ValueError(f"state: expected one of {', '.join(STATES)}, got {state!r}")
        name, detail = mask(name), " ".join(mask(detail).split())
        with self._lock:
            before = self._stages.get(name)
            since = before.since if before and before.state == state else self._clock()
            self._stages[name] = Stage(state, detail, since)
            if state in ("ok", "stopped"):
                self._lost_since.pop(name, None)
            elif state in ("lost", "failed") and name.startswith("sink "):  # and while it tries to connect again
                self._lost_since.setdefault(name, self._clock())
        if (before is None or before.state != state) and not name.startswith("sink "):  # sinks log themselves
            log = logger.warning if state in ("lost", "failed") else logger.info
            log("stage", stage=name, state=state, detail=detail)
        for each in STATES:
            self._state.labels(self.camera, name, each).set(each == state)

    def background(self, known: float, enough: bool, obstacle: Obstacle | None) -> None:
        """Set which share of the empty place is known, whether that is enough, and why nothing of it can be shown."""
        self._obstacle = obstacle
        state = "lost" if obstacle is not None else "ok" if enough else "starting"
        self.stage("background", state, f"{known:.0%} of it learnt" + (f"; {obstacle.words}" if obstacle else ""))

    def no_background(self) -> None:
        """Set that no empty place is shown any more."""
        self._obstacle = None
        if "background" in self._stages:
            self.stage("background", "stopped")

    def regions(self, regions: Iterable[Region]) -> None:
        """Set the regions redacted on the newest frame released."""
        self._regions = tuple(regions)

    def things(self, n: int) -> None:
        """Set how many detections in zones of `--show-zone` are visible on the newest frame."""
        self._things = n

    def health(self) -> Health:
        """Whether frames go out, not only or mostly obscured ones, and to every sink; with a reason."""
        now = self._clock()
        with self._lock:
            silent, hidden = now - self._left, now - self._clear
            causes = [self._sink_cause(name, now - since) for name, since in self._lost_since.items()]
            share, late, slow = (self._share(now, kind) for kind in ("obscured", "late", "slow"))
            early = self._share(now, "obscured", telling=1)
            small = now - self._looked_small if now - self._looked < self.limits.small else 0.0
            source = self._stages.get("source")
        lost = f" (the source is lost: {source.detail})" if source is not None and source.state == "lost" else ""
        if silent > self.limits.silent:
            return ill([Cause("silent", silent, True, f"no frame has gone out for {silent:.0f} s{lost}")])
        obstacle = None if lost else self._obstacle
        if hidden > self.limits.obscured and obstacle is None:
            return ill([Cause("blank", hidden, True, f"every frame has been fully obscured for {hidden:.0f} s{lost}")])
        degraded, failing = (share > limit for limit in self.limits.hidden)
        remedy = lost or self._remedy()
        if obstacle is not None:
            failing = failing or hidden > self.limits.obscured
            causes.append(Cause(obstacle, hidden, failing, f"{obstacle.words} ({hidden:.0f} s so far)"))
        elif degraded:
            words = f"{share:.0%} of the last minute's frames were fully obscured{remedy}"
            causes.append(Cause("hidden", share, failing, words))
        if late > self.limits.hidden[0]:
            words = "of the last minute's frames were late, and the last picture was shown once more"
            causes.append(Cause("late", late, False, f"{late:.0%} {words}{remedy}"))
        if slow > self.limits.slow:
            words = f"{slow:.0%} of the last minute's frames left over {self.limits.over} s after their time"
            causes.append(Cause("slow", slow, False, words))
        if small > self.limits.small:
            words = f"small faces were last looked for {small:.0f} s ago: this machine is too slow for it"
            causes.append(Cause("small", small, False, words))
        if causes:
            return ill(causes)
        if early > self.limits.hidden[0]:  # of too few seconds to be judged
            return Health(True, f"starting: {early:.0%} of the frames so far were fully obscured", starting=True)
        return Health(True, "frames go out") if self._totals["out"] else Health(True, "starting", starting=True)

    def _sink_cause(self, name: str, lost: float) -> Cause:
        """Why the sink `name`, lost for that many seconds, is a reason; with the lock."""
        stage = self._stages[name]
        failing = stage.state == "failed" or lost > self.limits.lost
        words = f"{name}: {stage.detail or stage.state}, for {lost:.0f} s"
        return Cause("sink", lost, failing, words, name.removeprefix("sink "), stage.detail)

    def _remedy(self) -> str:
        """What would help if looks take too long; empty if they are short, or none was made."""
        took = self._round()
        if took is None or took < _LONG:
            return ""
        would = "a larger --min-face and --min-plate, a lower resolution or fewer cameras help"
        return f" (to look for all sizes takes {took:.1f} s on this machine: {would})"

    def _round(self) -> float | None:
        """Seconds that looks for all sizes take; None before there were such."""
        took = [self._took[turn] for turn in ("ordinary", "small") if turn in self._took]
        return sum(took) if len(took) == 2 else None

    def _second(self, now: float) -> Tally[str]:
        """The counts of this second; with the lock."""
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append((int(now), Tally()))
        return self._seconds[-1][1]

    def _share(self, now: float, kind: str, telling: int = _TELLING) -> float:
        """The share of `kind` in the last minute's frames; 0 before `telling` seconds had some. With the lock."""
        recent = [counts for second, counts in self._seconds if second > now - _MINUTE]
        out = sum(counts["out"] for counts in recent)
        return sum(counts[kind] for counts in recent) / out if len(recent) >= telling and out else 0.0

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return bytes(generate_latest(self.registry))

    def snapshot(self) -> dict[str, Any]:
        """All metrics as plain values, durations in seconds; no pictures and no credentials."""
        health = self.health()
        now = self._clock()
        redacted = Tally((region.kind.label, Why(region.why).value) for region in self._regions)
        with self._lock:
            latencies = sorted(self._latencies)
            recent = sum(n for at, n in self._departures if at >= now - _WINDOW)
            return {
                "camera": self.camera,
                "healthy": health.ok,
                "degraded": health.degraded,
                "starting": health.starting,
                "why": health.why,
                "causes": [asdict(cause) for cause in health.causes],
                "up": now - self._started,
                "age": now - self._left if self._totals["out"] else None,
                "frames": {
                    "in": self._totals["in"],
                    "out": self._totals["out"],
                    "obscured": self._totals["obscured"],
                    "notice": self._totals["notice"],
                    "late": self._totals["frames late"],
                },
                "late_covered": self._late_area / max(self._totals["out"], 1),
                "minute": {kind: self._share(now, kind, telling=1) for kind in ("obscured", "late")},
                "rate": recent / min(_WINDOW, max(now - self._started, 1.0)),
                "dropped": dict(self._dropped),
                "sink_dropped": dict(self._sink_dropped),
                "reconnects": dict(self._reconnects),
                "detections": dict(self._found),
                "looks": {"all": self._totals["looks"], "late": self._totals["late"], **self._efforts},
                "effort": {"round": self._round(), "long": _LONG, "coarser": self._coarser},
                "latency": {name: _percentile(latencies, share) for name, share in _SHARES.items()},
                "stages": {name: asdict(stage) | {"since": now - stage.since} for name, stage in self._stages.items()},
                "redacted": [{"kind": kind, "why": why, "n": n} for (kind, why), n in sorted(redacted.items())],
                "memory": memory(),
            }

    def _count(self, name: str, n: int) -> None:
        with self._lock:
            self._totals[name] += n


_SHARES = {"median": 0.5, "p95": 0.95, "p99": 0.99}


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that `share` of the `ordered` values do not exceed; None if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def memory() -> float:
    """Resident memory in bytes of this process and those that it started; 0 on systems without ``/proc``."""
    total, waiting = 0, [os.getpid()]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        try:
            total += int((process / "statm").read_text(encoding="ascii").split()[1])
            children = [file.read_text(encoding="ascii") for file in process.glob("task/*/children")]
        except OSError:  # it has just ended
            continue
        waiting += [int(number) for text in children for number in text.split()]
    return float(total * os.sysconf("SC_PAGE_SIZE"))
