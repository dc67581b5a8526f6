// Puts the page together: buttons, keys, playback, publishing.

import { ACTIONS, KEYS } from "./actions.js";
import { files } from "./api.js";
import { buildKinds } from "./kinds.js";
import { hasIcon, icon } from "./icons.js";
import { fail } from "./messages.js";
import "./list.js";
import { buildMark } from "./mark.js";
import * as pair from "./pair.js";
import * as pen from "./pen.js";
import { redraw } from "./picture.js";
import { reply } from "./queue.js";
import { change, clock, load, onChange, state } from "./state.js";
import { LANGUAGES, say, speak } from "./strings.js";
import "./tab.js";
import "./timeline.js";
import "./versions.js";

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} action */
const keysOf = (action) => Object.keys(KEYS).filter((key) => KEYS[key] === action).join(", ");

/** @param {string} action @param {string} [label] */
function button(action, label = action) {
  const made = document.createElement("button");
  made.dataset.action = action;
  if (hasIcon(label)) {
    made.dataset.title = label;
    made.append(icon(label));
  } else {
    made.dataset.say = label;
    made.title = keysOf(action);
  }
  made.addEventListener("click", () => run(action));
  return made;
}

/** @param {string} action */
async function run(action) {
  try {
    await ACTIONS[action]();
  } catch (error) {
    fail(error);
  }
}

function build() {
  for (const view of ["outlines", "published", "both"]) {
    const made = button(view);
    made.setAttribute("role", "radio");
    byId("views").append(made);
  }
  byId("history").append(button("undo"), button("redo"));
  const clockPlace = document.createElement("output");
  clockPlace.id = "clock";
  byId("controls").append(
    button("play"), button("previous-cut"), button("previous"), button("next"), button("next-cut"), button("audible"), clockPlace,
    button("next-open"), button("draw"), button("draw-area"), button("draw-polygon"), button("zoom"), button("full-screen"),
  );
  byId("selected").append(
    ...["hide", "leave", "nothing", "begin-here", "end-here", "split", "join", "same-row", "own-row"].map((name) => button(name)),
  );
  buildMark(button);
  buildKinds(byId("selected"));
  const language = /** @type {HTMLSelectElement} */ (byId("language"));
  for (const name of Object.keys(LANGUAGES)) language.add(new Option(new Intl.DisplayNames([name], { type: "language" }).of(name) ?? name, name));
  language.value = speak();
  language.addEventListener("change", () => {
    speak(language.value);
    change({ version: state.version + 1 });
  });
  byId("help").addEventListener("click", () => run("help"));
  byId("publish").addEventListener("click", () => run("publish"));
}

/** Keys that answer the question that is asked. @type {Record<string, string>} */
const ANSWERS = { h: "hide", n: "nothing", delete: "nothing", s: "skip" };

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.matches("input:not([type=range]), select, textarea") || target.closest("dialog")) return;
  if (target.matches("[type=range]") && /^(Arrow|Home|End|Page)/.test(event.key)) return;
  if (!target.closest("header, #controls, #selected, #marked") && pen.key(event)) {
    event.preventDefault();
    return redraw();
  }
  const types = event.getModifierState("AltGraph"); // Ctrl and Alt on some keyboards, for [ and the like
  const ctrl = (event.ctrlKey || event.metaKey) && !types;
  const pressed = [ctrl ? "Ctrl-" : "", event.altKey && !types ? "Alt-" : "", event.shiftKey && event.key.length > 1 ? "Shift-" : "", event.key === " " ? "Space" : event.key].join("");
  const given = state.asked && ANSWERS[pressed.toLowerCase()];
  if (given) {
    event.preventDefault();
    reply(given).catch(fail);
    return;
  }
  if (pressed === "Enter" && pair.isPairing() && !target.matches("button")) {
    event.preventDefault();
    pair.take(state.selected);
    return;
  }
  const shifted = event.shiftKey ? KEYS[`Shift-${pressed.toLowerCase()}`] : undefined;
  const action = shifted ?? KEYS[pressed] ?? (ctrl ? undefined : KEYS[pressed.toLowerCase()]);
  if (!action || (target.matches("button, input") && ["Space", "Enter"].includes(pressed))) return;
  event.preventDefault();
  run(action);
});

/** Give a button another icon. @param {string} action @param {string} label */
function shown(action, label) {
  const one = /** @type {HTMLElement} */ (document.querySelector(`[data-action=${action}]`));
  if (one.dataset.title !== label) one.replaceChildren(icon(label));
  one.dataset.title = label;
  one.setAttribute("aria-label", say(label));
  one.title = `${say(label)} (${keysOf(action)})`;
}

onChange((changed) => {
  byId("clock").textContent = `${clock(state.index)}  ·  ${state.index + 1} / ${state.frames}`;
  for (const one of document.querySelectorAll("#views button")) {
    const on = /** @type {HTMLElement} */ (one).dataset.action === state.view;
    one.setAttribute("aria-checked", String(on));
  }
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=undo]")).disabled = !state.edits;
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=redo]")).disabled = !state.redo;
  for (const one of document.querySelectorAll("#selected button")) /** @type {HTMLButtonElement} */ (one).disabled = state.selected < 0;
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=own-row]")).hidden = !state.rows.some((row) => row.includes(state.selected));
  shown("play", state.playing ? "pause" : "play");
  shown("audible", state.audible ? "audible" : "silent");
  if (changed.has("version")) for (const action of ["previous", "next", "previous-cut", "next-cut", "zoom", "full-screen"]) shown(action, action);
  if (changed.has("frames")) for (const action of ["play", "previous", "next", "previous-cut", "next-cut"]) /** @type {HTMLButtonElement} */ (document.querySelector(`[data-action=${action}]`)).disabled = state.frames < 2;
  if (changed.has("version")) /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=audible]")).hidden = !state.sound;
  if (changed.has("name")) byId("name").textContent = document.title = state.name;
});

build();
if (location.pathname !== "/") files().then((found) => (byId("back").hidden = found.files.length < 2), fail);
load().then(() => change({ index: 0 })).catch(fail);
