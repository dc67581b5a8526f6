// A span of the film that a person marks, and what they do with it: silence the sound, hide the whole picture.

import { framesOf, secondsOf } from "./moments.js";
import { change, clock, make, onChange, state } from "./state.js";
import { say } from "./strings.js";
import { silenceAt } from "./wave.js";

const bar = /** @type {HTMLElement} */ (document.getElementById("marked"));
const words = document.createElement("output");

/** Mark the frames from one up to another, whichever is earlier. @param {number} one @param {number} other */
export const mark = (one, other) =>
  change({ mark: [Math.max(0, Math.min(one, other)), Math.min(state.frames, Math.max(one, other) + 1)] });

/** Mark what is silenced at a frame; nothing where the sound is heard. @param {number} frame */
export function markSilence(frame) {
  const silence = silenceAt(frame);
  if (silence) change({ mark: framesOf([silence[0], silence[1]]) });
}

/** @param {"mute" | "bleep" | "keep"} sound */
const silence = (sound) => async () => {
  if (!state.mark || !state.sound?.kept) return;
  await make({ do: "sound", sound, seconds: secondsOf(state.mark).map((time) => Math.max(0, Math.round(time * 1000) / 1000)) });
};

/** @type {Record<string, () => unknown>} */
export const ACTIONS = {
  "mark-from": () => mark(state.index, Math.max(state.index, (state.mark?.[1] ?? 0) - 1)),
  "mark-to": () => mark(Math.min(state.mark?.[0] ?? state.index, state.index), state.index),
  mute: silence("mute"),
  bleep: silence("bleep"),
  "hear-again": silence("keep"),
  async "hide-all"() {
    if (!state.mark) return;
    const made = await make({ do: "draw", frames: state.mark, xyxy: [0, 0, state.width, state.height], kind: "area", shape: "box" });
    change({ selected: made.touched[0] });
  },
  unmark: () => change({ mark: null }),
};

/** @type {Record<string, string>} */
export const KEYS = { ",": "mark-from", ".": "mark-to", u: "mute", e: "bleep", r: "hear-again", w: "hide-all" };

/** Fill the bar. @param {(action: string) => HTMLElement} button */
export function buildMark(button) {
  bar.append(words, ...["mute", "bleep", "hear-again", "hide-all", "unmark"].map((action) => button(action)));
}

onChange(() => {
  bar.hidden = !state.mark;
  if (!state.mark) return;
  const [first, end] = state.mark;
  words.textContent = `${clock(first)} – ${clock(end - 1)} · ${end - first} ${say("frames")}`;
  for (const one of bar.querySelectorAll("button")) {
    const needs = ["mute", "bleep", "hear-again"].includes(one.dataset.action ?? "");
    one.hidden = needs && !state.sound?.kept;
  }
});
