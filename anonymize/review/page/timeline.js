// The time line: a lane for each track, cut into its runs by reason; where scenes begin; the sound; where we are.

import * as api from "./api.js";
import { frameOf, timeOf } from "./moments.js";
import { frameAt, inSight, NAME, placeOf, stretch } from "./scale.js";
import { take } from "./pair.js";
import { change, go, isOpen, onChange, rowsOfLanes, state } from "./state.js";
import { kindOf } from "./strings.js";
import { mark, markSilence } from "./mark.js";
import { drawWave, heardBy, height as waveHeight } from "./wave.js";

const place = /** @type {HTMLElement} */ (document.getElementById("time"));
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("lanes"));
const ROW = 14;
const HEAD = 18;
const STEPS = [0.04, 0.2, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600];
/** @type {Map<number, {version: number, runs: number[][]}>} */
const lanes = new Map();
let top = 0;
let asked = 0;
/** @typedef {import("./state.js").Track} Track */
/** @type {Track[][]} the tracks of each row */
let rows = [];
let rowsOf = -1;

/** @param {string} name */
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Pixels for the lanes. */
const room = () => place.clientHeight - HEAD - waveHeight();

function fresh() {
  if (rowsOf !== state.version) {
    rows = rowsOfLanes();
    rowsOf = state.version;
  }
  return rows;
}

/** The tracks in sight, and their lanes; what is missing is asked for. */
function rowsInSight() {
  const first = Math.max(0, Math.floor(top / ROW));
  const some = fresh().slice(first, first + Math.ceil(room() / ROW) + 1);
  const missing = some.flat().map((one) => one.track).filter((track) => lanes.get(track)?.version !== state.version);
  if (missing.length && !asked) {
    asked = 1;
    const version = state.version;
    api.lanes(missing).then((found) => {
      for (const [track, runs] of Object.entries(found)) lanes.set(Number(track), { version, runs });
    }, () => {}).finally(() => {
      asked = 0;
      draw();
    });
  }
  return { first, some };
}

let waiting = 0;
/** All but the line that says where we are. */
const still = document.createElement("canvas");
/** What `still` shows: which part of the film, as text; empty if it is to be drawn anew. */
let drawn = "";

/** Draw it all, or only where we are. @param {boolean} [all] */
export function draw(all = true) {
  if (all) drawn = "";
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; paint(); });
}

function paint() {
  const [width, height, ratio] = [place.clientWidth, place.clientHeight, devicePixelRatio];
  if (!width || !height) return; // the picture fills the screen
  const now = [width, height, ratio, ...inSight()].join(" ");
  const context = drawn === now ? /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")) : paintAll(width, height, ratio);
  if (drawn === now) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(still, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
  } else {
    [still.width, still.height] = [canvas.width, canvas.height];
    /** @type {CanvasRenderingContext2D} */ (still.getContext("2d")).drawImage(canvas, 0, 0);
    drawn = now;
  }
  context.fillStyle = style("--open");
  context.fillRect(placeOf(state.index + 0.5, width) - 1, 0, 2, height);
}

/** @param {number} width @param {number} height @param {number} ratio */
function paintAll(width, height, ratio) {
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const from = placeOf(inSight()[0], width);
  paintLanes(context, width, from);
  context.clearRect(0, 0, width, HEAD);
  context.clearRect(0, height - waveHeight(), width, waveHeight());
  drawWave(context, height - waveHeight(), width, style);
  paintTimes(context, width);
  if (state.mark) {
    const [x0, x1] = state.mark.map((frame) => Math.max(placeOf(frame, width), from));
    context.fillStyle = style("--hand");
    context.globalAlpha = 0.18;
    context.fillRect(x0, 0, Math.max(x1 - x0, 1), height);
    context.globalAlpha = 1;
    context.fillRect(x0, 0, 1, height);
    context.fillRect(x1 - 1, 0, 1, height);
  }
  context.fillStyle = style("--faint");
  for (const cut of state.cuts) {
    const x = placeOf(cut, width);
    if (x < from || x > width) continue;
    context.globalAlpha = 0.5;
    context.fillRect(x, HEAD, 1, height - HEAD);
    context.globalAlpha = 1;
    context.beginPath();
    context.moveTo(x - 4, HEAD - 5);
    context.lineTo(x + 4, HEAD - 5);
    context.lineTo(x, HEAD);
    context.fill();
  }
  return context;
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} from where the lanes begin */
function paintLanes(context, width, from) {
  const [ink, soft, hidden, open, visible, nothing, hand] = ["--ink", "--soft", "--hidden", "--open", "--visible", "--nothing", "--hand"].map(style);
  const { first, some } = rowsInSight();
  some.forEach((row, number) => {
    const y = HEAD + (first + number) * ROW - top;
    const chosen = row.find((one) => one.track === state.selected);
    if (chosen) {
      context.fillStyle = soft;
      context.fillRect(0, y, width, ROW);
    }
    // What is not sure is drawn over what is, where two are at once.
    for (const one of [...row].sort((a, b) => Number(isOpen(a)) - Number(isOpen(b)))) {
      const colour = isOpen(one) ? open : one.drawn === "visible" || one.drawn === "partly" ? visible : one.drawn === "nothing" ? nothing : hidden;
      for (const [begin, end, code] of lanes.get(one.track)?.runs ?? [[one.first, one.end, 0]]) {
        const [x0, x1] = [Math.max(placeOf(begin, width), from), Math.min(placeOf(end, width), width)];
        if (x1 < from || x0 > width) continue;
        const why = state.reasons[code] ?? "";
        const strong = why === "detected" || why === "manual";
        context.fillStyle = why === "manual" ? hand : colour;
        context.fillRect(x0, y + (strong ? 2 : 5), Math.max(x1 - x0, 1), strong ? ROW - 4 : ROW - 10);
      }
    }
    const named = chosen ?? row[0];
    context.fillStyle = ink;
    if (row.length > 1 && chosen) {
      const x0 = Math.max(placeOf(chosen.first, width), from);
      context.strokeStyle = ink;
      context.strokeRect(x0 + 0.5, y + 0.5, Math.max(Math.min(placeOf(chosen.end, width), width) - x0 - 1, 1), ROW - 1);
    }
    context.fillText(`${kindOf(named.kind)} ${named.track}${row.length > 1 ? ` +${row.length - 1}` : ""}`, 6, y + ROW / 2, NAME - 8);
  });
}

/** @param {CanvasRenderingContext2D} context @param {number} width */
function paintTimes(context, width) {
  const [first, end] = inSight().map((frame) => timeOf(frame) - (state.times[0] ?? 0));
  const step = STEPS.find((one) => (one / Math.max(end - first, 0.001)) * width > 80) ?? 7200;
  context.fillStyle = style("--ink");
  for (let number = Math.ceil(first / step - 1e-6); number * step <= end; number++) {
    const time = number * step;
    const x = placeOf(frameOf(time + (state.times[0] ?? 0)), width);
    context.fillRect(x, HEAD - 4, 1, 4);
    const seconds = time - 60 * Math.floor(time / 60);
    context.fillText(`${Math.floor(time / 60)}:${step < 1 ? seconds.toFixed(2).padStart(5, "0") : String(Math.round(seconds)).padStart(2, "0")}`, x + 3, HEAD / 2);
  }
}

/** The frame at which marking began; -1 while the pointer moves the picture. */
let marking = -1;

/** The track of a row that is there now, one that is not sure first; else the one that is nearest in time. @param {Track[]} row */
function nearest(row) {
  const away = (/** @type {Track} */ one) => Math.max(one.first - state.index, state.index - one.end + 1, 0);
  return [...row].sort((a, b) => away(a) - away(b) || Number(isOpen(b)) - Number(isOpen(a)))[0].track;
}

/** @param {PointerEvent} event */
function seek(event) {
  const at = canvas.getBoundingClientRect();
  const y = event.clientY - at.top;
  go(frameAt(event.clientX - at.left, at.width) - 0.5);
  if (marking >= 0) return mark(marking, state.index);
  const row = fresh()[Math.floor((y - HEAD + top) / ROW)];
  if (!row || y <= HEAD || y >= HEAD + room()) return;
  const track = nearest(row);
  if (event.type !== "pointerdown" || !take(track)) change({ selected: track });
}

place.addEventListener("pointerdown", (event) => {
  place.setPointerCapture(event.pointerId);
  marking = -1;
  seek(event);
  if (event.shiftKey) mark((marking = state.index), state.index);
  else if (event.clientY > canvas.getBoundingClientRect().bottom - waveHeight()) markSilence(frameAt(event.clientX - canvas.getBoundingClientRect().left, canvas.clientWidth));
});
place.addEventListener("pointermove", (event) => { if (event.buttons === 1) seek(event); });
place.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (!event.ctrlKey) return scroll(top + event.deltaY);
  const at = canvas.getBoundingClientRect();
  closer(event.deltaY < 0 ? 1.5 : 1 / 1.5, frameAt(event.clientX - at.left, at.width));
}, { passive: false });

/** Show less of the time line, larger; more of it if `by` is below 1. @param {number} by @param {number} [around] */
export function closer(by, around) {
  stretch(by, around);
  draw();
}

/** @param {number} to */
function scroll(to) {
  top = Math.max(0, Math.min(to, fresh().length * ROW - room()));
  draw();
}

new ResizeObserver(() => draw()).observe(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
heardBy(draw);
onChange((changed) => {
  if (changed.has("selected") && state.selected >= 0) {
    const at = fresh().findIndex((row) => row.some((one) => one.track === state.selected)) * ROW;
    if (at < top) scroll(at);
    else if (at + ROW > top + room()) scroll(at + ROW - room());
  }
  draw([...changed].some((key) => !["index", "playing"].includes(key)));
});
