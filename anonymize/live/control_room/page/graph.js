// The last hour of a camera: for each minute, how much of it was hidden, and how much repeated.

import { drawn } from "./dom.js";
import { fill, percent, say, time } from "./strings.js";

const HIGH = 24;

/** @returns {SVGElement} */
export function graph() {
  const made = drawn("svg", { viewBox: `0 0 60 ${HIGH}`, preserveAspectRatio: "none", role: "img", class: "graph" });
  return /** @type {SVGElement} */ (made);
}

/** @param {SVGElement} where @param {import("./api.js").Camera["hour"]} hour @param {number} now */
export function draw(where, hour, now) {
  const bars = [drawn("line", { x1: 0, x2: 60, y1: HIGH, y2: HIGH, class: "floor" })];
  let most = 0;
  let at = now;
  hour.minutes.forEach((minute, index) => {
    if (!minute) {
      bars.push(drawn("rect", { x: index, y: HIGH - 1, width: 1, height: 1, class: "none" }));
      return;
    }
    const [hidden, late] = [minute.obscured, minute.late].map((n) => (minute.out ? n / minute.out : 0));
    if (hidden > most) [most, at] = [hidden, now - 60 * (hour.minutes.length - 1 - index)];
    const top = Math.min(1, hidden + late);
    if (top > 0) bars.push(drawn("rect", { x: index, y: HIGH * (1 - top), width: 1, height: HIGH * top, class: "late" }));
    if (hidden > 0) bars.push(drawn("rect", { x: index, y: HIGH * (1 - hidden), width: 1, height: HIGH * hidden, class: "hidden" }));
  });
  where.replaceChildren(...bars);
  const words = hour.share === null ? say("hour-none") : most ? fill("hour-most", percent(hour.share), percent(most), time(at)) : fill("hour-share", percent(hour.share));
  if (where.getAttribute("aria-label") !== words) where.setAttribute("aria-label", words);
}
