// The picture: what the camera saw with outlines, as it will be published, or both with a slider between them.

import * as api from "./api.js";
import { fail } from "./messages.js";
import { take } from "./pair.js";
import * as pen from "./pen.js";
import { change, make, onChange, state } from "./state.js";
import * as zoom from "./zoom.js";

const frame = /** @type {HTMLElement} */ (document.getElementById("frame"));
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("picture"));
const over = /** @type {HTMLCanvasElement} */ (document.getElementById("outlines"));
const slider = /** @type {HTMLInputElement} */ (document.getElementById("slider"));
const KEPT = 60;
/** @type {Record<string, string>} */
const COLOURS = { hidden: "#38bdf8", open: "#f87171", visible: "#a3e635", partly: "#facc15", nothing: "#94a3b8", none: "#38bdf8" };

/** @type {Map<string, Promise<ImageBitmap>>} */
const pictures = new Map();
/** @type {Map<number, Promise<any>>} */
const around = new Map();
let version = -1;
/** Where the pointer was while it moves the picture. @type {PointerEvent | null} */
let panning = null;
let sliding = false;
/** @type {{track: number, from: number[], box: number[], grip: string, at: number[], frame: number} | null} */
let dragging = null;
/** @type {any[]} */
let shown = [];
/** The frame of `shown`, which may be behind the one that is wanted. */
let shownFrame = 0;

/** @param {number} index @param {string} view */
function picture(index, view) {
  const width = Math.min(Math.round(frame.clientWidth * devicePixelRatio * zoom.factor()), 3840) || 1280;
  const key = `${index} ${Math.ceil(width / 320)} ${view} ${view === "raw" ? "" : state.version}`;
  let found = pictures.get(key);
  if (!found) {
    found = api.picture(index, Math.ceil(width / 320) * 320, view);
    found.catch(() => pictures.delete(key));
    pictures.set(key, found);
    for (const old of pictures.keys()) {
      if (pictures.size <= KEPT) break;
      pictures.get(old)?.then((bitmap) => bitmap.close(), () => {});
      pictures.delete(old);
    }
  }
  return found;
}

/** The regions of a frame. @param {number} index @returns {Promise<any[]>} */
async function regions(index) {
  if (version !== state.version) {
    version = state.version;
    around.clear();
  }
  const part = Math.floor(index / 50);
  let found = around.get(part);
  if (!found) {
    found = api.regions(part * 50, part * 50 + 50);
    around.set(part, found);
    for (const old of around.keys()) if (around.size > 40) around.delete(old);
  }
  return (await found)[index] ?? [];
}

const wanted = () => (state.view === "outlines" ? ["raw"] : state.view === "published" ? ["published"] : ["raw", "published"]);

/** Have all that is shown of a frame at hand. @param {number} index */
export const prepare = (index) => Promise.all([...wanted().map((view) => picture(index, view)), regions(index)]);

let turn = 0;
/** What is waited for. @type {Promise<void>} */
let showing = Promise.resolve();
export function show() {
  showing = shownNow();
  return showing;
}

/** Wait until the picture that is wanted is on the screen. */
export async function atRest() {
  for (let mine = -1; mine !== turn; ) {
    mine = turn;
    await showing;
  }
}

async function shownNow() {
  const mine = ++turn;
  const index = state.index;
  try {
    const [bitmaps, here] = await Promise.all([
      Promise.all(wanted().map((view) => picture(index, view))),
      regions(index),
    ]);
    if (mine !== turn) return;
    [shown, shownFrame] = [here, index];
    draw(bitmaps);
    outline();
    if (!state.playing) for (const view of wanted()) for (const next of [index + 1, index + 2]) if (next < state.frames) picture(next, view).catch(() => {});
  } catch (error) {
    if (mine === turn) fail(error);
  }
}

const layout = () => zoom.layout(frame);

/** @param {HTMLCanvasElement} one */
function prepared(one) {
  const { width, height } = layout();
  const ratio = devicePixelRatio;
  if (one.width !== Math.round(width * ratio) || one.height !== Math.round(height * ratio)) {
    one.width = Math.round(width * ratio);
    one.height = Math.round(height * ratio);
  }
  const context = /** @type {CanvasRenderingContext2D} */ (one.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** @type {ImageBitmap[]} */
let last = [];
/** @param {ImageBitmap[]} bitmaps */
function draw(bitmaps) {
  last = bitmaps;
  const context = prepared(canvas);
  const { left, top, across, down, width, height } = layout();
  context.imageSmoothingEnabled = across < 3;
  bitmaps.forEach((bitmap, place) => {
    context.save();
    if (place) {
      context.beginPath();
      context.rect((Number(slider.value) / 1000) * width, 0, width, height);
      context.clip();
    }
    context.drawImage(bitmap, left, top, state.width * across, state.height * down);
    context.restore();
  });
  if (bitmaps.length > 1) {
    context.fillStyle = "#fff";
    context.fillRect((Number(slider.value) / 1000) * width - 1, 0, 2, height);
  }
}

/** One coordinate of each corner of a polygon. @param {any[]} one @param {0 | 1} axis @returns {number[]} */
const side = (one, axis) => one[5].map((/** @type {number[]} */ corner) => corner[axis]);

/** @param {any[]} one @returns {number[]} */
const boxOf = (one) =>
  one[2] === "polygon"
    ? [Math.min(...side(one, 0)), Math.min(...side(one, 1)), Math.max(...side(one, 0)), Math.max(...side(one, 1))]
    : one[5];

function outline() {
  const context = prepared(over);
  const { left, top, across, down } = layout();
  const onScreen = (/** @type {[number, number]} */ [x, y]) => /** @type {[number, number]} */ ([left + x * across, top + y * down]);
  pen.outline(context, onScreen);
  if (state.view === "published" && !dragging) return;
  for (const one of shown) {
    const [track, , shape, why, drawn] = one;
    const row = state.tracks.get(track);
    const moved = dragging?.track === track ? dragging : null;
    const box = moved ? moved.box : boxOf(one);
    context.strokeStyle = COLOURS[row ? row.drawn : "none"] ?? COLOURS.none;
    context.lineWidth = track === state.selected && track >= 0 ? 3 : 1.5;
    context.setLineDash(drawn ? (why === "detected" || why === "manual" ? [] : [6, 4]) : [2, 4]);
    context.beginPath();
    const [x0, y0] = [left + box[0] * across, top + box[1] * down];
    const [wide, high] = [(box[2] - box[0]) * across, (box[3] - box[1]) * down];
    if (shape === "ellipse") context.ellipse(x0 + wide / 2, y0 + high / 2, wide / 2, high / 2, 0, 0, 7);
    else if (shape === "polygon" && !moved) for (const c of one[5]) context.lineTo(left + c[0] * across, top + c[1] * down);
    else context.rect(x0, y0, wide, high);
    context.closePath();
    context.stroke();
    if (track === state.selected && track >= 0 && shape !== "polygon") grips(context, x0, y0, wide, high);
  }
  if (state.spot?.frame === state.index) {
    const [x0, y0, x1, y1] = state.spot.box;
    for (const [colour, wide] of [["#000", 5], ["#fff", 2.5]]) {
      context.strokeStyle = String(colour);
      context.lineWidth = Number(wide);
      context.setLineDash([]);
      context.strokeRect(left + x0 * across - 5, top + y0 * down - 5, (x1 - x0) * across + 10, (y1 - y0) * down + 10);
    }
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} wide @param {number} high */
function grips(context, x, y, wide, high) {
  context.setLineDash([]);
  context.fillStyle = "#fff";
  for (const [across, down] of [[0, 0], [1, 0], [0, 1], [1, 1]]) context.fillRect(x + across * wide - 4, y + down * high - 4, 8, 8);
}

/** Pixels of the video under the pointer. @param {PointerEvent | MouseEvent} event */
function place(event) {
  const { left, top, across, down } = layout();
  const at = frame.getBoundingClientRect();
  return [(event.clientX - at.left - left) / across, (event.clientY - at.top - top) / down];
}

/** What is under the pointer: a corner of the selected track, or a track. @param {number[]} at */
function under([x, y]) {
  const { across, down } = layout();
  const mine = shown.find((one) => one[0] === state.selected && one[0] >= 0);
  if (mine && mine[2] !== "polygon") {
    const [x0, y0, x1, y1] = boxOf(mine);
    for (const grip of ["nw", "ne", "sw", "se"]) {
      const [cx, cy] = [grip.includes("w") ? x0 : x1, grip.includes("n") ? y0 : y1];
      if (Math.abs((x - cx) * across) < 8 && Math.abs((y - cy) * down) < 8) return { one: mine, grip };
    }
  }
  const hits = shown.filter((one) => one[0] >= 0).filter((one) => {
    const [x0, y0, x1, y1] = boxOf(one);
    return x0 <= x && x < x1 && y0 <= y && y < y1;
  });
  const size = (/** @type {any[]} */ one) => { const [x0, y0, x1, y1] = boxOf(one); return (x1 - x0) * (y1 - y0); };
  const one = hits.sort((a, b) => size(a) - size(b))[0];
  return one ? { one, grip: "all" } : null;
}

frame.addEventListener("pointerdown", (event) => {
  if (event.button !== 0 || event.target === slider) return;
  const at = place(event);
  frame.setPointerCapture(event.pointerId);
  if (take(under(at)?.one[0] ?? -1)) return;
  if (pen.isDrawing()) {
    pen.down(at);
    return outline();
  }
  sliding = state.view === "both" && Math.abs(event.clientX - frame.getBoundingClientRect().left - divider()) < 8;
  if (sliding) return;
  const hit = under(at);
  change({ selected: hit ? hit.one[0] : -1 });
  if (!hit) panning = event;
  if (hit && hit.one[2] !== "polygon") dragging = { track: hit.one[0], from: at, box: boxOf(hit.one), grip: hit.grip, at: boxOf(hit.one), frame: shownFrame };
});

frame.addEventListener("pointermove", (event) => {
  const at = place(event);
  if (pen.isDrawing()) pen.move(at);
  else if (sliding) {
    slider.value = String(((event.clientX - frame.getBoundingClientRect().left) / frame.clientWidth) * 1000);
    return draw(last);
  } else if (dragging) dragging.box = dragged(dragging, at);
  else if (panning) {
    zoom.pan(frame, event.clientX - panning.clientX, event.clientY - panning.clientY);
    panning = event;
    draw(last);
  } else return;
  outline();
});

/** @param {NonNullable<typeof dragging>} drag @param {number[]} at */
function dragged({ from, at: box, grip }, at) {
  const [dx, dy] = [at[0] - from[0], at[1] - from[1]];
  let [x0, y0, x1, y1] = box;
  if (grip === "all") [x0, y0, x1, y1] = [x0 + dx, y0 + dy, x1 + dx, y1 + dy];
  if (grip.includes("w")) x0 = Math.min(x0 + dx, x1 - 4);
  if (grip.includes("e")) x1 = Math.max(x1 + dx, x0 + 4);
  if (grip.includes("n")) y0 = Math.min(y0 + dy, y1 - 4);
  if (grip.includes("s")) y1 = Math.max(y1 + dy, y0 + 4);
  return [x0, y0, x1, y1].map((value) => Math.round(value * 10) / 10);
}

frame.addEventListener("pointerup", async (event) => {
  const drag = dragging;
  dragging = panning = null;
  sliding = false;
  if (pen.isDrawing()) {
    pen.up(place(event));
    return outline();
  }
  if (!drag || drag.box.every((value, side) => value === drag.at[side])) return;
  try {
    await make({ do: "place", track: drag.track, first: drag.frame, boxes: [drag.box] });
  } catch (error) {
    fail(error);
    show();
  }
});

frame.addEventListener("wheel", (event) => {
  event.preventDefault();
  magnify(event.deltaY < 0 ? 1.25 : 0.8, place(event));
}, { passive: false });

/** The middle of the selected box, if it is on this frame. */
function chosen() {
  const one = shown.find((each) => each[0] === state.selected && each[0] >= 0);
  if (!one) return undefined;
  const [x0, y0, x1, y1] = boxOf(one);
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

/** @param {number} by @param {number[]} [point] stays where it is; without it the selected box comes to the middle */
export function magnify(by, point) {
  const middle = chosen();
  zoom.magnify(frame, by, point ?? middle);
  if (!point && middle) zoom.centre(frame, middle);
  show();
}

export function pixels() {
  const { left, top, across, down, width, height } = layout();
  zoom.pixels(frame, chosen() ?? [(width / 2 - left) / across, (height / 2 - top) / down]);
  show();
}

/** Move the picture by a tenth of its place. @param {number} across @param {number} down */
export function pan(across, down) {
  zoom.pan(frame, (across * frame.clientWidth) / 10, (down * frame.clientHeight) / 10);
  draw(last);
  outline();
}

/** The box of the selected track on a frame. @param {number} index @returns {Promise<number[] | null>} */
export async function selectedBox(index) {
  const one = (await regions(index)).find((each) => each[0] === state.selected && each[0] >= 0);
  return one && one[2] !== "polygon" ? boxOf(one) : null;
}

/** Show what is being drawn. */
export const redraw = () => outline();

/** Where the two views meet, in pixels of the page. */
const divider = () => (Number(slider.value) / 1000) * frame.clientWidth;

slider.addEventListener("input", () => draw(last));
new ResizeObserver(() => show()).observe(frame);
onChange((changed) => {
  slider.hidden = state.view !== "both";
  frame.classList.toggle("drawing", state.tool !== "select");
  frame.classList.toggle("zoomed", zoom.factor() > 1);
  if (["index", "view", "version"].some((key) => changed.has(key))) show();
  else if (changed.has("selected") || changed.has("tool") || changed.has("spot")) outline();
});
