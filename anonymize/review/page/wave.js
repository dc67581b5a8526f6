// How loud the sound is, below the lanes; what is silenced of it is marked.

import * as api from "./api.js";
import { frameOf, timeOf } from "./moments.js";
import { frameAt, NAME, placeOf } from "./scale.js";
import { onChange, state } from "./state.js";
import { say } from "./strings.js";

/** Pixels of the strip. */
export const height = () => (state.sound ? 34 : 16);
/** @type {number[]} */
const peaks = [];
let asking = false;

/** Ask for the peaks that are not known yet, until all are. @param {() => void} draw */
async function listen(draw) {
  if (asking || !state.sound) return;
  asking = true;
  for (let done = false; !done; ) {
    const found = await api.peaks(peaks.length);
    for (const one of found.peaks) peaks.push(one);
    done = found.done;
    draw();
    if (!done) await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

/** What is silenced at a frame, if anything is. @param {number} frame */
export const silenceAt = (frame) => state.silences.find(([first, end]) => first <= timeOf(frame) && timeOf(frame) < end) ?? null;

/** @param {CanvasRenderingContext2D} context @param {number} top @param {number} width @param {(name: string) => string} style */
export function drawWave(context, top, width, style) {
  const [ink, faint, open] = ["--hidden", "--faint", "--open"].map(style);
  const middle = top + height() / 2;
  context.fillStyle = faint;
  context.fillText(say(state.sound ? "sound" : "no-sound"), 6, middle);
  if (!state.sound) return;
  const published = state.sound.kept;
  context.fillStyle = published ? ink : faint;
  const each = state.sound.peaks;
  for (let x = NAME; x < width; x++) {
    const [first, end] = [frameAt(x, width), frameAt(x + 1, width)];
    if (first >= state.frames) break;
    const low = Math.floor(timeOf(first) * each);
    let peak = 0;
    for (let one = low; one < Math.max(timeOf(end) * each, low + 1); one++) peak = Math.max(peak, peaks[one] ?? 0);
    const tall = Math.max(1, Math.sqrt(peak / 255) * (height() - 8));
    context.fillRect(x, middle - tall / 2, 1, tall);
  }
  context.fillStyle = open;
  for (const [first, end, how] of state.silences) {
    const [x0, x1] = [Math.max(NAME, placeOf(frameOf(first), width)), placeOf(frameOf(end), width)];
    if (x1 < x0) continue;
    context.globalAlpha = 0.3;
    context.fillRect(x0, top + 2, Math.max(x1 - x0, 2), height() - 4);
    context.globalAlpha = 1;
    if (how === "mute") context.fillRect(x0, middle - 1, Math.max(x1 - x0, 2), 2);
    else for (let x = x0; x < x1; x += 4) context.fillRect(x, middle - 5, 2, 10);
  }
  if (!published) {
    context.fillStyle = faint;
    context.fillText(say("sound-left-out"), NAME + 6, top + 8);
  }
}

/** @param {() => void} draw */
export function heardBy(draw) {
  onChange((changed) => { if (changed.has("sound")) listen(draw).catch(() => {}); });
}
