// A random sample, as it will be published, full screen: can anybody be recognised? The answers bound the share of frames.

import * as api from "./api.js";
import { fail } from "./messages.js";
import { go } from "./state.js";
import { fill, say } from "./strings.js";

const dialog = document.createElement("dialog");
dialog.className = "sample";
document.body.append(dialog);
/** @type {number[]} */
let drawn = [];
/** @type {number[]} */
let showing = [];
let at = 0;

/** Draw a sample, and show its first frame. */
export async function begin() {
  drawn = (await api.drawSample()).frames;
  showing = [];
  at = 0;
  dialog.showModal();
  await show();
}

/** @type {(yes: boolean) => Promise<void>} */
let given = async () => {};

async function show() {
  const index = drawn[at];
  const picture = document.createElement("canvas");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", say("picture"));
  const words = document.createElement("b");
  words.textContent = say("sample-ask");
  const count = document.createElement("span");
  count.textContent = `${at + 1} / ${drawn.length}`;
  const bar = document.createElement("div");
  bar.className = "bar";
  bar.append(words, key("yes", "Y", () => given(true)), key("no", "N", () => given(false)), count, key("cancel", "Esc", () => dialog.close()));
  dialog.replaceChildren(picture, bar);
  const wide = Math.min(Math.ceil(innerWidth * devicePixelRatio), 3840);
  given = async () => {};
  dialog.dataset.shown = "";
  const bitmap = await api.picture(index, wide, "published");
  picture.width = bitmap.width;
  picture.height = bitmap.height;
  /** @type {CanvasRenderingContext2D} */ (picture.getContext("2d")).drawImage(bitmap, 0, 0);
  dialog.dataset.shown = String(index);
  if (at + 1 < drawn.length) api.picture(drawn[at + 1], wide, "published").catch(() => {});
  given = async (yes) => {
    given = async () => {};
    if (yes) showing.push(index);
    at += 1;
    if (at < drawn.length) return show();
    return end();
  };
}

async function end() {
  const found = await api.sampled(showing);
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  words.textContent = fill("sample-bound", found.showing, found.sampled, (100 * found.at_most).toFixed(1));
  const list = document.createElement("div");
  list.className = "answers";
  for (const index of showing) list.append(key("sample-go", String(index + 1), () => { dialog.close(); go(index); }));
  const bar = document.createElement("div");
  bar.className = "result";
  bar.append(words, list, key("done", "Esc", () => dialog.close()));
  dialog.replaceChildren(bar);
  /** @type {HTMLElement} */ (bar.querySelector("button")).focus();
}

/** @param {string} name @param {string} letter @param {() => unknown} act */
function key(name, letter, act) {
  const made = document.createElement("button");
  const short = document.createElement("kbd");
  short.textContent = letter;
  made.append(say(name), " ", short);
  made.addEventListener("click", () => Promise.resolve(act()).catch(fail));
  return made;
}

dialog.addEventListener("keydown", (event) => {
  const yes = { y: true, n: false }[event.key.toLowerCase()];
  if (yes === undefined || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  given(yes).catch(fail);
});
