// Which frames were on the screen, told to the server from time to time.

import * as api from "./api.js";
import { onChange, state } from "./state.js";

/** @type {Set<number>} */
const fresh = new Set();
const LEAST = 150;
let timer = 0;

onChange((changed) => {
  if (!changed.has("index") && !changed.has("frames")) return;
  clearTimeout(timer);
  if (state.playing) fresh.add(state.index);
  else timer = window.setTimeout(() => fresh.add(state.index), LEAST);
});

/** Tell the server what was seen since the last time. */
export async function tellSeen() {
  const frames = [...fresh];
  fresh.clear();
  return api.seen(frames);
}

setInterval(() => { if (fresh.size) tellSeen().catch(() => {}); }, 5000);
