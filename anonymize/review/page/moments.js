// Times of the film and frames: which one is shown when.

import { state } from "./state.js";

/** How long a frame is shown, in seconds. @param {number} index */
const lasting = (index) =>
  index + 1 < state.frames ? state.times[index + 1] - state.times[index] : state.frames > 1 ? (state.times[state.frames - 1] - state.times[0]) / (state.frames - 1) : 0.04;

/** When a frame is over. @param {number} index */
export const ending = (index) => state.times[index] + lasting(index);

/** The frame that is shown at a time. @param {number} time */
export function frameAt(time) {
  let [low, high] = [0, Math.max(state.frames - 1, 0)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (state.times[middle] <= time) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The same with the share of it that is over: 2.5 is the middle of frame 2. @param {number} time */
export function frameOf(time) {
  const index = frameAt(time);
  return Math.max(0, index + (time - state.times[index]) / Math.max(lasting(index), 0.001));
}

/** The time of a frame, and of a share of it. @param {number} frame */
export function timeOf(frame) {
  const index = Math.max(0, Math.min(state.frames - 1, Math.floor(frame)));
  return state.times[index] + (frame - index) * lasting(index);
}

/** Half a tenth of a millisecond: less than any frame lasts. */
const HAIR = 0.00005;

/** The frames that a span of seconds meets. @param {number[]} seconds @returns {[number, number]} */
export const framesOf = ([first, end]) => [frameAt(first + HAIR), frameAt(end - HAIR) + 1];

/** The seconds of a span of frames. @param {number[]} frames @returns {[number, number]} */
export const secondsOf = ([first, end]) => [state.times[first], ending(end - 1)];
