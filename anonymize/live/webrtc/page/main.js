// The page for viewers: asks for a token, or finds it in the address, and shows the picture.

import { called, LANGUAGES, say, speak } from "./strings.js";
import { Viewer } from "./whep.js";

const STALE = 2000; // milliseconds without a picture after which it is said

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const video = /** @type {HTMLVideoElement} */ (byId("picture"));
const field = /** @type {HTMLInputElement} */ (byId("token"));

/** @type {Viewer | null} */
let viewer = null;
let state = "left";
let shown = 0;

/** @param {import("./whep.js").State} now */
function told(now) {
  state = now;
  shown = performance.now();
  const watches = !["left", "wrong", "unsupported"].includes(now);
  if (now === "wrong") sessionStorage.removeItem("token");
  byId("ask").hidden = watches;
  for (const id of ["view", "leave", "full"]) byId(id).hidden = !watches;
  paint();
  if (now === "wrong") field.focus();
}

function paint() {
  const line = byId("state");
  if (line.textContent !== say(state)) line.textContent = say(state);
  line.className = state === "watching" ? "good" : ["wrong", "unsupported"].includes(state) ? "bad" : "";
  const old = performance.now() - shown;
  const stale = state !== "watching" || old > STALE;
  byId("view").classList.toggle("stale", stale);
  byId("stale").hidden = !stale;
  byId("stale").textContent = state === "watching" ? say("stale").replace("{}", String(Math.round(old / 1000))) : say(state);
}

/** The token in the address, as it stands where it has a percent sign that says nothing. @returns {string} */
function handed() {
  const token = location.hash.slice(1);
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

/** @param {string} token */
function watch(token) {
  sessionStorage.setItem("token", token); // of this tab, so that it can be loaded again
  viewer = new Viewer(token, video, told);
}

function follow() {
  shown = performance.now();
  if (byId("view").classList.contains("stale")) paint();
  video.requestVideoFrameCallback(follow);
}

const language = /** @type {HTMLSelectElement} */ (byId("language"));
for (const name of Object.keys(LANGUAGES)) language.add(new Option(called(name), name));
language.value = speak();
language.addEventListener("change", () => {
  speak(language.value);
  paint();
});
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = field.value.trim();
  field.value = "";
  if (token) watch(token);
});
byId("leave").addEventListener("click", () => {
  sessionStorage.removeItem("token");
  viewer?.end();
  field.focus();
});
byId("full").addEventListener("click", () => byId("view").requestFullscreen());
addEventListener("pagehide", () => viewer?.drop());
if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(follow);
setInterval(paint, 500);
const given = handed() || sessionStorage.getItem("token") || "";
if (location.hash) history.replaceState(null, "", location.pathname); // it is not to stay in the history
if (given) watch(given);
else paint();
