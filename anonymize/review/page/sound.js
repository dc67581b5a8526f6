// The sound, part by part, each at its own moment: where a part comes late, what was missed of it is left out.

import * as api from "./api.js";
import { state } from "./state.js";

const KEPT = 8;
const AHEAD = 5;
const BEFORE = 0.05;

/** @type {AudioContext | undefined} */
let context;
/** @type {Set<AudioBufferSourceNode>} */
const playing = new Set();
/** @type {Map<string, Promise<AudioBuffer | null>>} */
const parts = new Map();
let turn = 0;
let begun = 0;

/** How many parts were played so far. */
export const heardSoFar = () => begun;

/** @param {number} milliseconds */
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const view = () => (state.view === "outlines" ? "raw" : "published");

/** Whether anything can be heard in the view that is shown. */
export const isThere = () => state.sound !== null && (view() === "raw" || state.sound.kept);

/** @param {AudioContext} made @param {number} number @returns {Promise<AudioBuffer | null>} */
function part(made, number) {
  const key = `${number} ${view()} ${view() === "raw" ? "" : state.version}`;
  let found = parts.get(key);
  if (!found) {
    const { rate } = /** @type {import("./state.js").Sound} */ (state.sound);
    found = api.sound(number, view()).then((samples) => {
      if (!samples.length) return null;
      const buffer = made.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(Float32Array.from(samples, (one) => one / 32768), 0);
      return buffer;
    });
    found.catch(() => parts.delete(key));
    parts.set(key, found);
    for (const old of parts.keys()) if (parts.size > KEPT) parts.delete(old);
  }
  return found;
}

/**
 * Begin to play at a moment of the film.
 * @param {number} time seconds
 * @returns {Promise<(() => number) | null>} the moment that is heard now; null if this machine plays no sound
 */
export async function begin(time) {
  stop();
  const mine = ++turn;
  const about = /** @type {import("./state.js").Sound} */ (state.sound);
  const made = (context ??= new AudioContext({ sampleRate: about.rate }));
  await Promise.race([made.resume(), wait(500)]);
  if (made.state !== "running" || mine !== turn) return null;
  let next = Math.floor(time / about.part);
  await Promise.race([part(made, next), wait(1000)]); // a slow machine begins without sound, which joins in
  if (mine !== turn) return null;
  const began = made.currentTime + BEFORE;
  const heard = () => {
    const stamp = made.getOutputTimestamp();
    const now = stamp.performanceTime ? (stamp.contextTime ?? 0) + (performance.now() - stamp.performanceTime) / 1000 : made.currentTime;
    return time + Math.min(now, made.currentTime) - began;
  };
  const feed = async () => {
    while (mine === turn && next < about.parts && next * about.part < heard() + AHEAD) {
      const number = next++;
      const buffer = await part(made, number);
      if (mine !== turn) return;
      if (!buffer) continue;
      const due = began + number * about.part - time;
      const late = Math.max(0, made.currentTime - due, time - number * about.part);
      if (late >= buffer.duration) continue;
      const source = made.createBufferSource();
      source.buffer = buffer;
      source.connect(made.destination);
      source.start(due + late, late);
      source.onended = () => playing.delete(source);
      playing.add(source);
      begun += 1;
    }
    if (mine === turn && next < about.parts) setTimeout(() => feed().catch(() => {}), 250);
  };
  feed().catch(() => {});
  return heard;
}

export function stop() {
  turn += 1;
  for (const source of playing) source.stop();
  playing.clear();
}
