"use strict";

const WHY = {
  detected: "detected on this frame",
  interpolated: "detected before and after, interpolated",
  held: "not detected just now, still tracked",
  zone: "a zone that is always redacted",
  manual: "drawn by a person",
  unbracketed: "not checked in time: the whole picture is hidden",
};
const STALE = 2; // seconds
const get = (id) => document.getElementById(id);

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(...parts) {
  const made = document.createElement("li");
  made.append(...parts);
  return made;
}

function span(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const ms = (seconds) => (seconds === null ? "–" : `${Math.round(seconds * 1000)} ms`);
const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);

function figures(state) {
  const out = state.frames.out;
  const hidden = out ? (100 * state.frames.obscured) / out : 0;
  return [
    ["delay, median", ms(state.latency.median)],
    ["delay, 95th percentile", ms(state.latency.p95)],
    ["frames per second", state.rate.toFixed(1)],
    ["fully obscured", `${hidden.toFixed(1)} %`, hidden > 15],
    ["dropped", String(sum(state.dropped))],
    ["memory", `${Math.round(state.memory / 1e6)} MB`],
  ];
}

function showFigures(state) {
  get("figures").replaceChildren(
    ...figures(state).map(([name, value, bad]) => {
      const pair = document.createElement("div");
      pair.append(element("dt", name), element("dd", value, bad ? "bad" : ""));
      return pair;
    }),
  );
}

function showRedacted(state) {
  const rows = state.redacted.map((each) =>
    row(element("b", `${each.n} ${each.kind}${each.n === 1 ? "" : "s"}`), element("span", WHY[each.why] || each.why)));
  get("redacted").replaceChildren(...(rows.length ? rows : [row(element("span", "Nothing on this picture."))]));
}

function showStages(state) {
  get("stages").replaceChildren(
    ...Object.entries(state.stages).map(([name, stage]) => {
      const what = element("span", name, "what");
      const text = document.createElement("span");
      text.append(what, stage.detail ? ` ${stage.detail}` : "");
      const badge = element("span", stage.state, `state ${stage.state}`);
      return row(badge, text, element("span", span(stage.since), "side"));
    }),
  );
}

function showCounts(state) {
  const rows = [["running for", span(state.up)], ["frames in", state.frames.in], ["frames out", state.frames.out],
    ["of these fully obscured", state.frames.obscured]];
  for (const [why, n] of Object.entries(state.dropped)) rows.push([`frames dropped: ${why}`, n]);
  for (const [kind, n] of Object.entries(state.detections)) rows.push([`${kind}s detected, all runs`, n]);
  rows.push(["detector runs", state.looks.all], ["of these too late", state.looks.late]);
  for (const [stage, n] of Object.entries(state.reconnects)) rows.push([`reconnects: ${stage}`, n]);
  for (const [sink, n] of Object.entries(state.sink_dropped)) rows.push([`dropped by a slow peer: ${sink}`, n]);
  get("counts").replaceChildren(
    ...rows.map(([name, value]) => row(element("span", name, "what"), element("b", String(value), "side"))));
}

function stale(text) {
  get("view").classList.toggle("stale", text !== "");
  get("stale").hidden = text === "";
  get("stale").textContent = text;
}

function show(state) {
  document.title = `${state.camera} · anonymize live`;
  get("camera").textContent = state.camera;
  const health = state.healthy ? (state.degraded || state.starting ? "fair" : "good") : "bad";
  get("health").textContent = health === "good" ? "healthy" : state.why;
  get("health").className = `pill ${health}`;
  showFigures(state);
  showRedacted(state);
  showStages(state);
  showCounts(state);
  if (state.age === null) stale("No picture yet");
  else stale(state.age > STALE ? `No picture for ${span(state.age)}` : "");
}

let lost = false;
async function refresh() {
  try {
    const answer = await fetch("state.json", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.json());
    if (lost) get("picture").src = `picture?${Date.now()}`;
    lost = false;
  } catch {
    lost = true;
    get("health").textContent = "not reachable";
    get("health").className = "pill bad";
    stale("This camera's process does not respond");
  }
  setTimeout(refresh, 1000);
}
refresh();
