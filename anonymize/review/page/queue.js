// What to look at first: one place after the other, cut out of its picture, and answered with one key.

import * as api from "./api.js";
import { fail } from "./messages.js";
import { publish } from "./publish.js";
import { begin } from "./sample.js";
import { answer, change, go, onChange, state } from "./state.js";
import { fill, question, say } from "./strings.js";

/** @typedef {{id: string, topic: string, number: number, kind: string, frame: number, frames: number[], box: number[], score: number, covered: boolean}} Question */

const place = /** @type {HTMLElement} */ (document.getElementById("question"));
/** @type {Question[]} */
let open = [];
let left = 0;
let answered = 0;
/** @type {Set<string>} */
const skipped = new Set();
let busy = false;
const SIDE = 280;

const current = () => open.find((one) => one.id === state.asked);
const waiting = () => open.filter((one) => !skipped.has(one.id));

/** @type {Promise<void>} */
let latest = Promise.resolve();

/** Ask the next question, or say that there is none. */
export async function next() {
  if (soon) update();
  await latest;
  const one = waiting().find((each) => each.id !== state.asked) ?? waiting()[0];
  if (!one) return stop();
  change({ asked: one.id, spot: one, selected: one.topic === "faint" ? -1 : one.number, tool: "select" });
  go(one.frame);
}

export function stop() {
  change({ asked: "", spot: null });
}

/** Answer the question that is shown. @param {string} given "hide", "nothing" or "skip" */
export async function reply(given) {
  const one = current();
  if (!one || busy) return;
  if (given === "skip") {
    skipped.add(one.id);
    return next();
  }
  busy = true;
  place.classList.add("busy");
  try {
    await answer(one.id, given);
    open = open.filter((each) => each !== one);
    answered += 1;
    left -= 1;
    if (one.topic === "check" && !open.some((each) => each.topic === "check")) {
      change({ checked: true });
      stop();
    } else await next();
  } finally {
    busy = false;
    place.classList.remove("busy");
    update();
  }
}

/** What is asked: of a head from behind, which somebody has, whether to hide it. @param {Question} one */
const asks = (one) => (one.topic === "behind" ? say("ask-behind") : question(one.kind));

/** The part of a picture around a place, with the place outlined. @param {Question} one */
async function cutOut(one) {
  const bitmap = await picture(one.frame);
  const [x0, y0, x1, y1] = one.box;
  const [across, down] = [bitmap.width / state.width, bitmap.height / state.height];
  const side = Math.min(Math.max((x1 - x0) * across, (y1 - y0) * down, 16) * 2.5, bitmap.width, bitmap.height);
  /** @param {number} middle @param {number} most */
  const begin = (middle, most) => Math.max(0, Math.min(middle - side / 2, most - side));
  const [left, top] = [begin(((x0 + x1) / 2) * across, bitmap.width), begin(((y0 + y1) / 2) * down, bitmap.height)];
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE * 2;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const scale = canvas.width / side;
  context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
  context.lineWidth = 4;
  for (const [colour, by] of [["#000", 2], ["#fff", 0]]) {
    context.strokeStyle = /** @type {string} */ (colour);
    const grow = 6 + Number(by);
    context.strokeRect((x0 * across - left) * scale - grow, (y0 * down - top) * scale - grow, (x1 - x0) * across * scale + 2 * grow, (y1 - y0) * down * scale + 2 * grow);
  }
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", asks(one));
  return canvas;
}

/** @type {Map<number, Promise<ImageBitmap>>} */
const pictures = new Map();
/** The picture of a frame, kept for a while. @param {number} frame */
function picture(frame) {
  let found = pictures.get(frame);
  if (!found) {
    found = api.picture(frame, 1920, "raw");
    found.catch(() => pictures.delete(frame));
    pictures.set(frame, found);
    for (const old of pictures.keys()) {
      if (pictures.size <= 8) break;
      pictures.delete(old);
    }
  }
  return found;
}

/** @param {string} name @param {string} key @param {() => unknown} act @param {boolean} [main] */
function button(name, key, act, main = false) {
  const made = document.createElement("button");
  made.className = main ? "main" : "";
  const letter = document.createElement("kbd");
  letter.textContent = key;
  made.append(say(name));
  if (key) made.append(" ", letter);
  made.addEventListener("click", async () => {
    try {
      await act();
    } catch (error) {
      fail(error);
    }
  });
  return made;
}

let shown = "";
function paint() {
  const one = current();
  const key = `${one?.id} ${state.checked} ${left} ${answered} ${document.documentElement.lang} ${waiting().length}`;
  if (key === shown) return;
  shown = key;
  place.hidden = !left && !answered;
  place.classList.toggle("asking", Boolean(one));
  if (!one && state.checked) {
    const words = document.createElement("p");
    words.textContent = say("check-answered");
    place.replaceChildren(words, button("publish-again", "", publish, true));
    if (waiting().length) place.append(" ", button("next-open", "Q", next));
    return;
  }
  if (!one) {
    const words = document.createElement("p");
    words.textContent = waiting().length ? fill(left === 1 ? "queue-begin-one" : "queue-begin", left) : fill("queue-done", answered);
    place.replaceChildren(words);
    if (waiting().length) place.append(button("queue-start", "Q", next, true));
    else place.append(button("sample", "J", begin, true));
    return;
  }
  const head = document.createElement("p");
  head.className = "where";
  head.textContent = fill("queue-left", left);
  const asked = document.createElement("b");
  asked.textContent = asks(one);
  const why = document.createElement("span");
  why.textContent = say(`topic-${one.topic}`);
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  words.append(asked, " ", why);
  const frame = document.createElement("div");
  frame.className = "cut";
  const buttons = document.createElement("div");
  buttons.className = "answers";
  buttons.append(
    button("hide", "H", () => reply("hide"), true),
    button(one.topic === "behind" ? "leave-behind" : "nothing", "N", () => reply("nothing")),
    button("skip", "S", () => reply("skip")),
  );
  place.replaceChildren(head, frame, words, buttons);
  cutOut(one).then((canvas) => { if (state.asked === one.id) frame.replaceChildren(canvas); }, fail);
  for (const soon of waiting().filter((each) => each !== one).slice(0, 2)) picture(soon.frame).catch(() => {});
}

let soon = 0;
function update() {
  clearTimeout(soon);
  soon = 0;
  latest = fresh().catch(fail);
}

/** Milliseconds for which edits rest before the questions are asked for: they take longer than an edit. */
const REST = 150;
function updateSoon() {
  clearTimeout(soon);
  soon = window.setTimeout(update, REST);
}

let asking = 0;
/** Take the questions as they are now; the one that is shown stays. */
async function fresh() {
  const mine = ++asking;
  const found = await api.questions();
  if (mine !== asking || busy) return;
  open = found.questions;
  left = found.open;
  answered = found.answered;
  const gone = state.asked && !current();
  paint();
  if (gone) setTimeout(() => next().catch(fail));
}

onChange((changed) => {
  if (changed.has("version") && !busy) updateSoon();
  if (changed.has("selected") && !changed.has("asked") && state.asked) {
    const one = current();
    if (one && state.selected !== (one.topic === "faint" ? -1 : one.number)) stop();
  }
  if (["asked", "version", "checked"].some((key) => changed.has(key))) paint();
});
