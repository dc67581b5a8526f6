// Where a frame is on the time line, all of which is in sight or a part of it.

import { onChange, state } from "./state.js";

export const NAME = 74;
const END = 8;
const LEAST = 20;
let [from, to] = [0, 0];

/** The frames in sight. */
export const inSight = () => [from, to > from ? to : Math.max(state.frames, 1)];

/** @param {number} width of the time line @returns {number} pixels a frame */
function perFrame(width) {
  const [first, end] = inSight();
  return Math.max(width - NAME - END, 1) / (end - first);
}

/** Where a frame begins. @param {number} frame @param {number} width */
export const placeOf = (frame, width) => NAME + (frame - from) * perFrame(width);

/** The frame at a place, with a share of it. @param {number} x @param {number} width */
export const frameAt = (x, width) => from + (x - NAME) / perFrame(width);

/** Show more or less of the time line, and keep a frame in its place. @param {number} by @param {number} [around] */
export function stretch(by, around = state.index) {
  const [first, end] = inSight();
  const length = Math.min(state.frames, Math.max(LEAST, (end - first) / by));
  slide(around - ((around - first) / (end - first)) * length, length);
}

/** @param {number} first @param {number} [length] */
function slide(first, length = to - from) {
  from = Math.max(0, Math.min(first, state.frames - length));
  to = length >= state.frames ? 0 : from + length;
  if (!to) from = 0;
}

onChange((changed) => {
  if (changed.has("index") && to && (state.index < from || state.index >= to)) slide(state.index - (to - from) / 2);
});
