// A line of text for the person, also read out by screen readers.

import { byId } from "./dom.js";

let timer = 0;

/** @param {string} text @param {boolean} [bad] */
export function tell(text, bad = false) {
  const line = byId("message");
  (document.querySelector("dialog[open]") ?? document.body).append(line); // all else is inert while a dialog is open
  line.textContent = text;
  line.classList.toggle("bad", bad);
  clearTimeout(timer);
  timer = window.setTimeout(() => (line.textContent = ""), bad ? 15000 : 8000);
}

/** @param {unknown} error */
export const fail = (error) => tell(error instanceof Error ? error.message : String(error), true);
