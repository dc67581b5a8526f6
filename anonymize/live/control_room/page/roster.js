// Cameras added and removed. What is typed is tried first; the picture of the trial is the one that would be released.

import * as api from "./api.js";
import { byId, element, write } from "./dom.js";
import { fail, tell } from "./messages.js";
import { NAME } from "./recordings.js";
import { day, fill, number, percent, say } from "./strings.js";

const EVERY = 700;
/** How people write what FFmpeg calls a codec. @type {Record<string, string>} */
const CODECS = { h264: "H.264", hevc: "H.265", mjpeg: "MJPEG", av1: "AV1", vp8: "VP8", vp9: "VP9", mpeg4: "MPEG-4", mpeg2video: "MPEG-2" };

const dialog = /** @type {HTMLDialogElement} */ (byId("roster"));
const form = /** @type {HTMLFormElement} */ (byId("new-form"));
const to = /** @type {HTMLTextAreaElement} */ (byId("new-to"));
/** @param {string} id */
const input = (id) => /** @type {HTMLInputElement} */ (byId(id));

let seen = "";
let folder = "";
/** The sink that was proposed, until a person writes another. */
let proposed = "";
/** Counts trials, so that what one says after the next has begun is passed over. */
let trial = 0;

export async function open() {
  input("new-by").value = sessionStorage.getItem(NAME) ?? "";
  take(await api.roster());
  if (!dialog.open) dialog.showModal();
  input("new-name").focus();
}

/** @param {any} found */
function take(found) {
  seen = found.seen;
  folder = found.folder;
  /** @type {HTMLButtonElement} */ (byId("roster-undo")).disabled = !found.undo;
  const gone = /** @type {HTMLSelectElement} */ (byId("new-gone"));
  const chosen = gone.value;
  gone.replaceChildren(...found.cameras.map((/** @type {string} */ name) => new Option(name, name)));
  if (found.cameras.includes(chosen)) gone.value = chosen;
  byId("roster-log").replaceChildren(...found.log.map((/** @type {any} */ one) => element("li", fill(`log-${one.act}`, day(Date.parse(one.at) / 1000), one.camera, one.by))));
}

/** A folder for recordings beside those of the other cameras. */
function propose() {
  const name = input("new-name").value.trim();
  if (!folder || to.value !== proposed) return;
  proposed = name ? `record:${folder}${name}` : "";
  to.value = proposed;
}

/** What the form says. */
const typed = () => ({
  name: input("new-name").value, address: input("new-address").value, user: input("new-user").value, password: input("new-password").value,
  transport: input("new-transport").value, to: to.value.split("\n").map((one) => one.trim()).filter(Boolean), keep: input("new-keep").value,
});

/** @param {unknown} [error] */
const complain = (error) => write(byId("new-error"), error === undefined ? "" : error instanceof Error ? error.message : String(error));

async function test() {
  complain();
  if (!input("new-address").reportValidity()) return;
  const mine = ++trial;
  show(null);
  write(byId("new-found"), say("connecting"));
  try {
    await api.tryCamera(typed());
    for (let last = 0; mine === trial && dialog.open;) {
      const now = await api.tried();
      if (mine !== trial) return;
      write(byId("new-found"), words(now));
      byId("new-found").classList.toggle("bad", now.state === "failed");
      if (now.picture !== null && now.picture !== last) show(now);
      last = now.picture ?? last;
      if (now.state !== "connecting" && now.state !== "connected") return;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  } catch (error) {
    write(byId("new-found"), "");
    complain(error);
  }
}

/** @param {any} now */
function words(now) {
  if (now.state === "failed") return fill("test-failed", now.message);
  if (now.state !== "connected") return say(now.state === "connecting" ? "connecting" : "test-over");
  const facts = [CODECS[now.codec] ?? now.codec, `${now.size[0]} × ${now.size[1]}`, fill("rate", number(now.rate, 1)), ...(now.sound ? [say("has-sound")] : [])];
  return fill("test-found", facts.join(", "));
}

/** The picture of the trial, or none. @param {any} now */
function show(now) {
  const image = /** @type {HTMLImageElement} */ (byId("new-picture"));
  byId("new-frame").hidden = byId("new-shown").hidden = !now;
  if (!now) return image.removeAttribute("src");
  image.alt = say("test-picture");
  image.src = `api/tryout/picture?n=${now.picture}`;
  write(byId("new-shown"), fill("test-shown", percent(now.hidden ?? 0)));
}

/** End the trial. */
function letGo() {
  trial += 1;
  write(byId("new-found"), "");
  show(null);
  api.endTrial().catch(() => {}); // it ends by itself when nobody asks
}

/** @param {(asked: object) => Promise<any>} ask @param {object} asked @param {string} done */
async function send(ask, asked, done) {
  complain();
  if (!input("new-by").value.trim()) {
    input("new-by").focus();
    return complain(say("name-missing-zones"));
  }
  sessionStorage.setItem(NAME, input("new-by").value);
  try {
    take(await ask({ by: input("new-by").value, seen, ...asked }));
    tell(done);
    return true;
  } catch (error) {
    complain(error);
  }
}

async function save() {
  const name = input("new-name").value.trim();
  if (!(await send(api.addCamera, typed(), fill("camera-added", name)))) return;
  letGo();
  const by = input("new-by").value;
  form.reset();
  proposed = "";
  input("new-by").value = by;
  input("new-name").focus();
}

export function begin() {
  byId("to-roster").addEventListener("click", () => open().catch(fail));
  input("new-name").addEventListener("input", propose);
  byId("new-test").addEventListener("click", () => test().catch(fail));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save().catch(fail);
  });
  byId("new-remove").addEventListener("click", () => {
    const name = input("new-gone").value;
    send(api.removeCamera, { camera: name }, fill("camera-removed", name)).catch(fail);
  });
  byId("roster-undo").addEventListener("click", () => send(api.undoCamera, {}, say("zones-applied")).catch(fail));
  byId("roster-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    letGo();
    input("new-password").value = "";
    complain();
  });
}
