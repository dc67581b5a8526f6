// Zones drawn on the released picture, by mouse and by keyboard. The server checks them; what it refuses changes nothing.

import * as api from "./api.js";
import { byId, drawn, element, write } from "./dom.js";
import { fail, tell } from "./messages.js";
import { NAME } from "./recordings.js";
import { day, fill, say } from "./strings.js";

/** @typedef {{polygon: number[][], span?: object}} Zone */

const dialog = /** @type {HTMLDialogElement} */ (byId("zones"));
const image = /** @type {HTMLImageElement} */ (byId("zone-picture"));
const svg = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId("zone-drawing")));
const by = /** @type {HTMLInputElement} */ (byId("zone-by"));
const KINDS = /** @type {const} */ (["zones", "spared"]);
const FAR = 10;
/** How near a corner is taken hold of, in pixels of the screen. */
const NEAR = 12;

let camera = "";
let seen = "";
/** @type {[number, number]} */
let size = [1280, 720];
/** @type {{zones: Zone[], spared: Zone[]}} */
let all = { zones: [], spared: [] };
/** The corners of what is being drawn. @type {number[][]} */
let corners = [];
/** Where the pen is. */
let pen = [0, 0];
/** The corner that is moved. @type {{kind: "zones" | "spared", zone: Zone, at: number} | null} */
let held = null;
/** Whether the mouse has hold of it, and whether it was moved. */
let dragged = { on: false, far: false };

/** Which camera's picture is to be large. */
export const large = () => (dialog.open ? camera : "");

/** @param {string} name */
export async function open(name) {
  camera = name;
  corners = [];
  held = null;
  by.value = sessionStorage.getItem(NAME) ?? "";
  write(byId("zone-title"), fill("zones-of", name));
  take(await api.zones(name));
  pen = [Math.round(size[0] / 2), Math.round(size[1] / 2)];
  if (!dialog.open) dialog.showModal();
  paint();
  byId("zone-add").focus();
}

/** A newer picture. @param {import("./api.js").Overview} now */
export function show(now) {
  const found = dialog.open && now.cameras.find((one) => one.name === camera)?.picture;
  if (!found) return;
  image.src = api.picture(camera, found.number);
  if (found.size.join() !== size.join()) {
    size = found.size;
    paint();
  }
}

/** @param {any} found */
function take(found) {
  all = { zones: found.zones, spared: found.spared };
  held = null;
  seen = found.seen;
  size = found.size ?? size;
  /** @type {HTMLButtonElement} */ (byId("zone-undo")).disabled = !found.undo;
  byId("zone-log").replaceChildren(...found.log.map((/** @type {any} */ one) => element("li", fill(one.act === "undo" ? "log-undo" : "log-zones", day(Date.parse(one.at) / 1000), one.by))));
}

function paint() {
  svg.setAttribute("viewBox", `0 0 ${size[0]} ${size[1]}`);
  const shapes = KINDS.flatMap((kind) => all[kind].map((zone) => drawn("polygon", { points: zone.polygon.join(" "), class: kind })));
  const line = corners.length ? [drawn("polyline", { points: [...corners, pen].join(" "), class: "pen" }), drawn("circle", { cx: corners[0][0], cy: corners[0][1], r: size[0] / 120, class: "pen" })] : [];
  const [x, y] = held ? held.zone.polygon[held.at] : pen;
  const arm = size[0] / 60;
  const grips = KINDS.flatMap((kind) => all[kind].flatMap((zone) => zone.polygon.map(([cx, cy], at) =>
    drawn("circle", { cx, cy, r: size[0] / (held?.zone === zone && held.at === at ? 90 : 160), class: `grip ${kind}` }))));
  svg.replaceChildren(...shapes, ...grips, ...line, drawn("path", { d: `M${x - arm} ${y}H${x + arm}M${x} ${y - arm}V${y + arm}`, class: "cross" }));
  byId("zone-list").replaceChildren(...KINDS.flatMap((kind) => all[kind].map((zone, index) => item(kind, zone, index))));
  write(byId("zone-hint"), held ? fill("zone-corner", held.at + 1, held.zone.polygon.length, held.zone.polygon[held.at].join(", ")) : say(corners.length ? "zone-drawing" : "zone-keys"));
}

/** @param {"zones" | "spared"} kind @param {Zone} zone @param {number} index */
function item(kind, zone, index) {
  const made = element("li", "", kind);
  const words = fill(kind === "zones" ? "zone-hides" : "zone-spares", zone.polygon.length, zone.polygon[0].join(", "));
  const moving = element("button", say("zone-move"));
  moving.type = "button";
  moving.setAttribute("aria-label", `${say("zone-move")}: ${words}`);
  moving.addEventListener("click", () => {
    [held, corners] = [{ kind, zone, at: 0 }, []];
    paint();
    svg.focus();
  });
  const gone = element("button", say("delete"));
  gone.type = "button";
  gone.setAttribute("aria-label", `${say("delete")}: ${words}`);
  gone.addEventListener("click", () => {
    all[kind].splice(index, 1);
    held = null;
    paint();
    byId("zone-save").focus();
  });
  made.append(element("span", words), moving, gone);
  return made;
}

/** Set a corner, or close the polygon at its first one. */
function corner() {
  const [x, y] = pen;
  const near = corners.length > 2 && Math.hypot(x - corners[0][0], y - corners[0][1]) < size[0] / 80;
  if (near) return close();
  if (corners.at(-1)?.join() !== pen.join()) corners.push([x, y]);
  paint();
}

function close() {
  if (corners.length > 2) {
    const kind = /** @type {HTMLSelectElement} */ (byId("zone-kind")).value === "spared" ? "spared" : "zones";
    all[kind].push({ polygon: corners });
    corners = [];
    tell(say("zone-added"));
  }
  paint();
}

/** The nearest point of the picture. @param {number} x @param {number} y */
const within = (x, y) => [Math.max(0, Math.min(size[0], Math.round(x))), Math.max(0, Math.min(size[1], Math.round(y)))];

/** Move the corner that is held, or the pen. @param {number} x @param {number} y */
function move(x, y) {
  if (held) held.zone.polygon[held.at] = within(x, y);
  else pen = within(x, y);
  paint();
}

/** The corner at a place on the picture, if there is one. @param {DOMPoint} at @returns {typeof held} */
function grip(at) {
  const reach = (NEAR * size[0]) / svg.clientWidth;
  const found = KINDS.flatMap((kind) => all[kind].flatMap((zone) => zone.polygon.map(([x, y], corner) => ({ kind, zone, at: corner, far: Math.hypot(at.x - x, at.y - y) }))));
  return found.filter((one) => one.far < reach).sort((a, b) => a.far - b.far)[0] ?? null;
}

/** Where on the picture. @param {PointerEvent} event */
const spot = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM()?.inverse());

/** @param {PointerEvent} event */
function hover(event) {
  if (held && !dragged.on) return;
  const at = spot(event);
  dragged.far ||= dragged.on && held !== null && Math.hypot(at.x - held.zone.polygon[held.at][0], at.y - held.zone.polygon[held.at][1]) > size[0] / 200;
  if (!dragged.on || dragged.far) move(at.x, at.y);
}

/** @param {PointerEvent} event */
function press(event) {
  const at = spot(event);
  held = corners.length ? null : grip(at);
  dragged = { on: held !== null, far: false };
  if (held) svg.setPointerCapture(event.pointerId);
  else {
    move(at.x, at.y);
    corner();
  }
  paint();
  svg.focus();
  event.preventDefault();
}

/** A corner that was pressed and not moved is where another zone begins. */
function lift() {
  if (!dragged.on || !held) return;
  const [x, y] = held.zone.polygon[held.at];
  const click = !dragged.far;
  [held, dragged] = [null, { on: false, far: false }];
  move(x, y);
  if (click) corner();
}

/** A key while a corner is held; whether it is one of those. @param {KeyboardEvent} event */
function keyHeld(event) {
  if (!held) return false;
  const polygon = held.zone.polygon;
  if (event.key === "Enter" || event.key === " ") held.at = (held.at + 1) % polygon.length;
  else if (event.key === "Escape") held = null;
  else if (event.key === "Delete" || event.key === "Backspace") {
    if (polygon.length > 3) polygon.splice(held.at, 1);
    held.at %= polygon.length;
  } else return false;
  paint();
  return true;
}

/** @param {KeyboardEvent} event */
function key(event) {
  const step = event.shiftKey ? 1 : FAR;
  const to = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
  const [x, y] = held ? held.zone.polygon[held.at] : pen;
  if (to) move(x + to[0], y + to[1]);
  else if (keyHeld(event)) paint();
  else if (event.key === "Enter" || event.key === " ") corner();
  else if (event.key.toLowerCase() === "c") close();
  else if (event.key === "Backspace") {
    corners.pop();
    paint();
  } else if (event.key === "Escape" && corners.length) {
    corners = [];
    paint();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

/** @param {(asked: object) => Promise<any>} ask @param {object} asked */
async function send(ask, asked) {
  if (!by.value.trim()) {
    by.focus();
    write(byId("zone-error"), say("name-missing-zones"));
    return;
  }
  sessionStorage.setItem(NAME, by.value);
  try {
    take(await ask({ camera, by: by.value, seen, ...asked }));
    write(byId("zone-error"), "");
    tell(say("zones-applied"));
  } catch (error) {
    write(byId("zone-error"), error instanceof Error ? error.message : String(error));
  }
  paint();
}

export function begin() {
  svg.addEventListener("pointermove", hover);
  svg.addEventListener("pointerdown", press);
  svg.addEventListener("pointerup", lift);
  svg.addEventListener("pointercancel", lift);
  svg.addEventListener("keydown", key);
  byId("zone-add").addEventListener("click", () => {
    held = null;
    paint();
    svg.focus();
  });
  byId("zone-save").addEventListener("click", () => send(api.changeZones, all).catch(fail));
  byId("zone-undo").addEventListener("click", () => send(api.undoZones, {}).catch(fail));
  byId("zone-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => write(byId("zone-error"), ""));
}
