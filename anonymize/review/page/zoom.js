// How large the picture is shown, and which part of it.

import { state } from "./state.js";

const MOST = 64;
/** Pixels of the screen for one of the video, where single pixels are wanted. */
const PIXEL = 8;
let [x, y, scale] = [0, 0, 1];

export const factor = () => scale;

/** Where the picture is in a place of the page: its corner, and pixels of the page for one of the video. @param {HTMLElement} frame */
export function layout(frame) {
  const [width, height] = [frame.clientWidth, frame.clientHeight];
  const wide = state.width * Math.max(state.aspect, 1);
  const high = state.height * Math.max(1 / state.aspect, 1);
  const fit = Math.min(width / wide, height / high) * scale;
  const [across, down] = [(fit * wide) / state.width, (fit * high) / state.height];
  return { left: (width - state.width * across) / 2 + x, top: (height - state.height * down) / 2 + y, across, down, width, height };
}

/**
 * Show the picture larger, and keep a point of it where it is.
 * @param {HTMLElement} frame @param {number} by 0 for the whole picture @param {number[]} [point] pixels of the video
 */
export function magnify(frame, by, point = [state.width / 2, state.height / 2]) {
  const before = layout(frame);
  scale = by ? Math.max(1, Math.min(MOST, scale * by)) : 1;
  if (scale === 1) [x, y] = [0, 0];
  const after = layout(frame);
  if (scale > 1) pan(frame, before.left + point[0] * before.across - after.left - point[0] * after.across, before.top + point[1] * before.down - after.top - point[1] * after.down);
}

/** Show single pixels around a point; the whole picture if they are shown. @param {HTMLElement} frame @param {number[]} point */
export function pixels(frame, point) {
  const { across } = layout(frame);
  if (across > 0.99 * PIXEL) return magnify(frame, 0);
  magnify(frame, PIXEL / across, point);
  centre(frame, point);
}

/** Put a point in the middle. @param {HTMLElement} frame @param {number[]} point pixels of the video */
export function centre(frame, point) {
  const { left, top, across, down, width, height } = layout(frame);
  pan(frame, width / 2 - left - point[0] * across, height / 2 - top - point[1] * down);
}

/** Move the picture, as far as some of it stays in sight. @param {HTMLElement} frame @param {number} dx @param {number} dy pixels of the page */
export function pan(frame, dx, dy) {
  if (scale === 1) return;
  const { across, down } = layout(frame);
  const [mostX, mostY] = [(state.width * across) / 2, (state.height * down) / 2];
  [x, y] = [Math.max(-mostX, Math.min(mostX, x + dx)), Math.max(-mostY, Math.min(mostY, y + dy))];
}
