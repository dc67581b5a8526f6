// Drawing on the picture, with the mouse or with the keyboard: a box by two corners, a polygon by three or more.

import { fail, tell } from "./messages.js";
import { change, make, onChange, state } from "./state.js";
import { say } from "./strings.js";

const LEAST = 4;
const NEAR = 8;
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {[number, number]} Point pixels of the video */
/** @type {Point[]} */
let corners = [];
/** @type {Point | null} */
let pen = null;
let pixel = 1;
let hinted = false;

export const isDrawing = () => ["face", "plate", "area", "polygon"].includes(state.tool);

/** @param {Point} one @param {Point} other */
const apart = (one, other) => Math.max(Math.abs(one[0] - other[0]), Math.abs(one[1] - other[1]));

/** @param {number[]} at @returns {Point} */
const placed = ([x, y]) => [Math.max(0, Math.min(state.width, x)), Math.max(0, Math.min(state.height, y))];

/** Set a corner. @param {number[]} at */
export function down(at) {
  pen = placed(at);
  if (state.tool !== "polygon") {
    if (corners.length) finish().catch(fail);
    else corners = [pen];
    return;
  }
  const closes = corners.length > 2 && (apart(corners[0], pen) * pixel < NEAR || apart(corners[corners.length - 1], pen) * pixel < 1);
  if (closes) finish().catch(fail);
  else if (!corners.length || apart(corners[corners.length - 1], pen) * pixel >= 1) corners = [...corners, pen];
}

/** @param {number[]} at */
export function move(at) {
  pen = placed(at);
}

/** The end of a drag: a box from where it began. @param {number[]} at */
export function up(at) {
  pen = placed(at);
  if (state.tool !== "polygon" && corners.length && apart(corners[0], pen) >= LEAST) finish().catch(fail);
}

/** Whether a key was one for drawing. @param {KeyboardEvent} event */
export function key(event) {
  if (!isDrawing() || event.ctrlKey || event.altKey) return false;
  const [dx, dy] = STEPS[/** @type {keyof typeof STEPS} */ (event.key)] ?? [0, 0];
  if (dx || dy) {
    const by = event.shiftKey ? 1 : Math.max(1, Math.round(state.width / 100));
    const [x, y] = pen ?? [state.width / 2, state.height / 2];
    move([x + dx * by, y + dy * by]);
  } else if (event.key === "Enter") down(pen ?? [state.width / 2, state.height / 2]);
  else if (event.key === "Backspace") corners = corners.slice(0, -1);
  else return false;
  return true;
}

/** The frames of the scene that is shown. @returns {[number, number]} */
const scene = () => [state.cuts.findLast((cut) => cut <= state.index) ?? 0, state.cuts.find((cut) => cut > state.index) ?? state.frames];

async function finish() {
  const [tool, drawn, end] = [state.tool, corners, pen];
  const tenth = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  if (tool !== "polygon" && end && apart(drawn[0], end) < LEAST) return;
  change({ tool: "select" });
  let edit;
  if (tool === "polygon") {
    edit = { frames: state.mark ?? scene(), kind: "area", shape: "polygon", polygon: drawn.map((corner) => corner.map(tenth)) };
  } else {
    const [[x0, y0], [x1, y1]] = [drawn[0], /** @type {Point} */ (end)];
    const xyxy = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(tenth);
    edit = { frame: state.index, xyxy, kind: tool, shape: tool === "face" ? "ellipse" : "box" };
  }
  const answer = await make({ do: "draw", ...edit });
  change({ selected: answer.touched[0] });
}

/** Show what is drawn so far. @param {CanvasRenderingContext2D} context @param {(point: Point) => Point} onScreen */
export function outline(context, onScreen) {
  if (!isDrawing()) return;
  pixel = onScreen([1, 0])[0] - onScreen([0, 0])[0];
  const at = pen ?? /** @type {Point} */ ([state.width / 2, state.height / 2]);
  const [x, y] = onScreen(at);
  for (const [colour, width] of /** @type {[string, number][]} */ ([["#000", 3], ["#fff", 1.5]])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x - 12, y);
    context.lineTo(x + 12, y);
    context.moveTo(x, y - 12);
    context.lineTo(x, y + 12);
    const points = [...corners.map(onScreen), onScreen(at)];
    if (state.tool !== "polygon" && corners.length) {
      const [x0, y0] = points[0];
      context.rect(x0, y0, x - x0, y - y0);
    } else for (const [number, [px, py]] of points.entries()) number ? context.lineTo(px, py) : context.moveTo(px, py);
    context.stroke();
  }
  context.fillStyle = "#fff";
  for (const [px, py] of corners.map(onScreen)) context.fillRect(px - 3, py - 3, 6, 6);
}

onChange((changed) => {
  if (!changed.has("tool")) return;
  corners = [];
  if (!isDrawing()) {
    if (hinted) tell("");
    hinted = false;
    return;
  }
  hinted = true;
  pen = null;
  /** @type {HTMLElement} */ (document.getElementById("frame")).focus({ preventScroll: true }); // for the arrow keys
  tell(say(state.tool === "polygon" ? "pen-polygon" : "pen-box"));
});
