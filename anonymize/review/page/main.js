// Puts the page together: buttons, keys, playback, publishing.

import * as api from "./api.js";
import { ACTIONS, KEYS } from "./actions.js";
import { fail, tell } from "./messages.js";
import "./list.js";
import "./picture.js";
import { change, clock, load, onChange, state } from "./state.js";
import { LANGUAGES, say, speak } from "./strings.js";
import "./timeline.js";

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} action @param {string} [label] */
function button(action, label = action) {
  const made = document.createElement("button");
  made.dataset.say = label;
  made.dataset.action = action;
  made.textContent = say(label);
  made.title = Object.keys(KEYS).filter((key) => KEYS[key] === action).join(", ");
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
    button("play"), button("previous"), button("next"), clockPlace, button("next-open"), button("draw"), button("draw-area"), button("zoom"),
  );
  byId("selected").append(
    ...["hide", "leave", "nothing", "begin-here", "end-here", "split", "join"].map((name) => button(name)),
  );
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

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.matches("input:not([type=range]), select, textarea") || target.closest("dialog")) return;
  const pressed = [event.ctrlKey || event.metaKey ? "Ctrl-" : "", event.shiftKey && event.key.length > 1 ? "Shift-" : "", event.key === " " ? "Space" : event.key].join("");
  const action = KEYS[pressed] ?? (event.ctrlKey ? undefined : KEYS[pressed.toLowerCase()]);
  if (!action || (target.matches("button, input") && ["Space", "Enter"].includes(pressed))) return;
  event.preventDefault();
  run(action);
});

onChange((changed) => {
  byId("clock").textContent = `${clock(state.index)}  ·  ${state.index + 1} / ${state.frames}`;
  for (const one of document.querySelectorAll("#views button")) {
    const on = /** @type {HTMLElement} */ (one).dataset.action === state.view;
    one.setAttribute("aria-checked", String(on));
  }
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=undo]")).disabled = !state.edits;
  /** @type {HTMLButtonElement} */ (document.querySelector("[data-action=redo]")).disabled = !state.redo;
  for (const one of document.querySelectorAll("#selected button")) /** @type {HTMLButtonElement} */ (one).disabled = state.selected < 0;
  const play = /** @type {HTMLElement} */ (document.querySelector("[data-action=play]"));
  play.dataset.say = state.playing ? "pause" : "play";
  play.textContent = say(play.dataset.say);
  if (changed.has("name")) byId("name").textContent = document.title = state.name;
});

build();
load().then(() => change({ index: 0 })).catch(fail);
void [api, tell];
