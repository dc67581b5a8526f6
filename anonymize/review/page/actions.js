// What a person can do, by name; buttons and keys both come here.

import { ask } from "./ask.js";
import * as marks from "./mark.js";
import { nextKind } from "./kinds.js";
import * as pair from "./pair.js";
import { magnify, pan, pixels, selectedBox } from "./picture.js";
import { toggle } from "./play.js";
import { publish } from "./publish.js";
import { next, stop } from "./queue.js";
import { begin } from "./sample.js";
import * as screen from "./screen.js";
import { change, go, make, redo, state, undo } from "./state.js";
import { say } from "./strings.js";
import { closer } from "./timeline.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

const selected = () => state.tracks.get(state.selected);

/** @param {number} by */
const step = (by) => () => go(state.index + by);

const VIEWS = ["outlines", "published", "both"];

/** @param {string} view */
const view = (view) => () => change({ view });

/** @param {string} answer */
const judge = (answer) => async () => {
  const track = selected();
  if (!track) return;
  const visible = track.shown.some((one) => one.grounds === "consent");
  if (answer === "hide" && visible) await make({ do: "hide", track: track.track });
  if (answer === "nothing" && (!track.found || track.kind === "area")) return void (await make({ do: "remove", track: track.track, frames: [0, state.frames] }));
  if (track.doubt || answer === "nothing") await make({ do: "judge", track: track.track, answer });
};

/** Go to the next of some frames, in the direction of `by`. @param {number[]} frames @param {number} by */
function goToNext(frames, by) {
  const next = by > 0 ? frames.find((frame) => frame > state.index) : frames.findLast((frame) => frame < state.index);
  if (next !== undefined) go(next);
}

/** @type {Record<string, () => unknown>} */
export const ACTIONS = {
  outlines: view("outlines"),
  published: view("published"),
  both: view("both"),
  "next-view": () => change({ view: VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length] }),
  "full-screen": screen.toggle,
  undo,
  redo,
  play: toggle,
  previous: step(-1),
  next: step(1),
  "back 10": step(-10),
  "on 10": step(10),
  first: () => go(0),
  last: () => go(state.frames - 1),
  "previous-cut": () => goToNext([0, ...state.cuts], -1),
  "next-cut": () => goToNext([...state.cuts, state.frames - 1], 1),
  ...marks.ACTIONS,
  audible: () => change({ audible: !state.audible }),
  "time-closer": () => closer(2),
  "time-farther": () => closer(0.5),
  "track begin": () => selected() && go(/** @type {any} */ (selected()).first),
  "track end": () => selected() && go(/** @type {any} */ (selected()).end - 1),
  "next-open": next,
  draw: () => change({ tool: "face" }),
  "draw-area": () => change({ tool: "area" }),
  "draw-plate": () => change({ tool: "plate" }),
  "draw-polygon": () => change({ tool: "polygon" }),
  "next-kind": nextKind,
  async "key-frame"() {
    const [track, index] = [state.selected, state.index];
    const box = await selectedBox(index);
    if (box) await make({ do: "place", track, first: index, boxes: [box] });
  },
  escape() {
    if (pair.isPairing()) pair.stop();
    else if (state.tool !== "select") change({ tool: "select" });
    else if (state.asked) stop();
    else if (state.mark) change({ mark: null });
    else change({ selected: -1 });
  },
  hide: judge("hide"),
  nothing: judge("nothing"),
  async leave() {
    const track = selected();
    if (!track) return;
    const given = await ask(say("reason"), say("reason-hint"), "");
    if (given) await make({ do: "show", track: track.track, frame: Math.max(track.first, Math.min(state.index, track.end - 1)), reason: given.text });
  },
  async "end-here"() {
    const track = selected();
    if (track && state.index + 1 < track.end) await make({ do: "remove", track: track.track, frames: [state.index + 1, track.end] });
  },
  async "begin-here"() {
    const track = selected();
    if (track && state.index > track.first) await make({ do: "remove", track: track.track, frames: [track.first, state.index] });
  },
  async split() {
    const track = selected();
    if (track) await make({ do: "split", track: track.track, frame: state.index });
  },
  join: () => pair.begin("join"),
  "same-row": () => pair.begin("row"),
  async "own-row"() {
    if (state.rows.some((row) => row.includes(state.selected))) await make({ do: "row", track: state.selected });
  },
  zoom: () => magnify(2),
  smaller: () => magnify(0.5),
  whole: () => magnify(0),
  pixels,
  "pan-left": () => pan(1, 0),
  "pan-right": () => pan(-1, 0),
  "pan-up": () => pan(0, 1),
  "pan-down": () => pan(0, -1),
  help() {
    const table = document.createElement("table");
    for (const [key, action] of Object.entries(KEYS)) {
      const row = table.insertRow();
      row.insertCell().textContent = key;
      row.insertCell().textContent = say(action);
    }
    const close = document.createElement("button");
    close.textContent = say("done");
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(table, close);
    dialog.showModal();
  },
  publish,
  sample: begin,
};

/** Keys as annotators know them from CVAT, where there is one. @type {Record<string, string>} */
export const KEYS = {
  Space: "play", d: "previous", f: "next", ArrowLeft: "previous", ArrowRight: "next", c: "back 10", v: "on 10", "Shift-ArrowLeft": "back 10", "Shift-ArrowRight": "on 10",
  z: "previous-cut", x: "next-cut", Home: "first", End: "last", PageUp: "time-closer", PageDown: "time-farther", "[": "track begin", "]": "track end", 1: "outlines", 2: "published", 3: "both", y: "next-view", Enter: "full-screen", q: "next-open",
  h: "hide", l: "leave", n: "nothing", Delete: "nothing", o: "end-here", i: "begin-here", s: "split", m: "join", "Shift-m": "same-row", "Shift-o": "own-row", b: "draw", a: "draw-area", p: "draw-plate", g: "draw-polygon", k: "key-frame", t: "next-kind", Escape: "escape",
  ...marks.KEYS, "+": "zoom", "-": "smaller", 0: "whole", 9: "pixels", "Alt-ArrowLeft": "pan-left", "Alt-ArrowRight": "pan-right", "Alt-ArrowUp": "pan-up", "Alt-ArrowDown": "pan-down", "Ctrl-z": "undo", "Ctrl-y": "redo", "?": "help", j: "sample",
};
