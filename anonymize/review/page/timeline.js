// The time line: a lane for each track, cuts into its runs by reason, and where we are.

import * as api from "./api.js";
import { go, isOpen, onChange, ordered, state, change } from "./state.js";

const place = /** @type {HTMLElement} */ (document.getElementById("time"));
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("lanes"));
const ROW = 14;
const HEAD = 18;
const NAME = 74;
/** @type {Map<number, {version: number, runs: number[][]}>} */
const lanes = new Map();
let top = 0;
let asked = 0;
/** @type {import("./state.js").Track[]} */
let rows = [];
let rowsOf = -1;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function fresh() {
  if (rowsOf !== state.version) {
    rows = ordered();
    rowsOf = state.version;
  }
  return rows;
}

/** The tracks in sight, and their lanes; what is missing is asked for. */
function inSight() {
  const first = Math.max(0, Math.floor(top / ROW));
  const some = fresh().slice(first, first + Math.ceil((place.clientHeight - HEAD) / ROW) + 1);
  const missing = some.map((row) => row.track).filter((track) => lanes.get(track)?.version !== state.version);
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
export function draw() {
  if (!waiting) waiting = requestAnimationFrame(() => { waiting = 0; paint(); });
}

function paint() {
  const [width, height, ratio] = [place.clientWidth, place.clientHeight, devicePixelRatio];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = (width - NAME - 8) / Math.max(state.frames, 1);
  const x = (frame) => NAME + frame * scale;
  const [ink, soft, hidden, open, visible, nothing, hand] = ["--ink", "--soft", "--hidden", "--open", "--visible", "--nothing", "--hand"].map(style);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const { first, some } = inSight();
  some.forEach((row, number) => {
    const y = HEAD + (first + number) * ROW - top;
    if (row.track === state.selected) {
      context.fillStyle = soft;
      context.fillRect(0, y, width, ROW);
    }
    context.fillStyle = ink;
    context.fillText(`${row.kind} ${row.track}`, 6, y + ROW / 2);
    const colour = isOpen(row) ? open : row.drawn === "visible" || row.drawn === "partly" ? visible : row.drawn === "nothing" ? nothing : hidden;
    const runs = lanes.get(row.track)?.runs ?? [[row.first, row.end, 0]];
    for (const [from, end, code] of runs) {
      const why = state.reasons[code] ?? "";
      context.fillStyle = why === "manual" ? hand : colour;
      const strong = why === "detected" || why === "manual";
      context.fillRect(x(from), y + (strong ? 2 : 5), Math.max((end - from) * scale, 1), strong ? ROW - 4 : ROW - 10);
    }
  });
  context.clearRect(0, 0, width, HEAD);
  context.fillStyle = ink;
  const step = [1, 2, 5, 10, 30, 60, 300, 600, 1800].find((one) => (one / Math.max(duration(), 0.001)) * (width - NAME) > 70) ?? 3600;
  for (let time = 0; time <= duration(); time += step) {
    const at = NAME + (time / Math.max(duration(), 0.001)) * (width - NAME - 8);
    context.fillRect(at, HEAD - 4, 1, 4);
    context.fillText(time >= 60 ? `${Math.floor(time / 60)}:${String(time % 60).padStart(2, "0")}` : `${time}s`, at + 3, HEAD / 2);
  }
  context.fillStyle = open;
  context.fillRect(x(state.index + 0.5) - 1, 0, 2, height);
}

const duration = () => (state.times.at(-1) ?? 0) - (state.times[0] ?? 0);

/** @param {MouseEvent} event */
function seek(event) {
  const at = canvas.getBoundingClientRect();
  const scale = (at.width - NAME - 8) / Math.max(state.frames, 1);
  go((event.clientX - at.left - NAME) / scale);
  const row = fresh()[Math.floor((event.clientY - at.top - HEAD + top) / ROW)];
  if (row && event.clientY - at.top > HEAD) change({ selected: row.track });
}

place.addEventListener("pointerdown", (event) => {
  place.setPointerCapture(event.pointerId);
  seek(event);
});
place.addEventListener("pointermove", (event) => { if (event.buttons === 1) seek(event); });
place.addEventListener("wheel", (event) => {
  event.preventDefault();
  scroll(top + event.deltaY);
}, { passive: false });

/** @param {number} to */
function scroll(to) {
  top = Math.max(0, Math.min(to, fresh().length * ROW + HEAD - place.clientHeight));
  draw();
}

new ResizeObserver(draw).observe(place);
onChange((changed) => {
  if (changed.has("selected") && state.selected >= 0) {
    const at = fresh().findIndex((row) => row.track === state.selected) * ROW;
    if (at < top) scroll(at);
    else if (at + ROW + HEAD > top + place.clientHeight) scroll(at + ROW + HEAD - place.clientHeight);
  }
  draw();
});
