// The list of what can be reviewed: one is chosen, looked through with its progress shown, and opened.

import { fail } from "./messages.js";
import { fill, LANGUAGES, say, speak } from "./strings.js";

/** @typedef {{number: number, name: string, picture: boolean, plan: boolean, state: string}} File */

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {File[]} */
let files = [];
let folder = "";
let filter = "all";
let opening = { number: -1, opening: "idle", share: 0, message: "" };

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
async function ask(path, body) {
  const how = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, { ...how, credentials: "same-origin" });
  const given = await answer.json().catch(() => ({ error: `${answer.status}` }));
  if (!answer.ok) throw new Error(given.error ?? `${answer.status}`);
  return given;
}

/** @param {string} name @param {string} text @param {string} [kind] */
function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = kind;
  return made;
}

function paint() {
  byId("name").textContent = folder || "anonymize review";
  const kinds = ["all", "waiting", "begun", "signed"];
  byId("filter").hidden = files.length < 2;
  byId("filter").replaceChildren(...kinds.map((kind) => {
    const count = files.filter((file) => kind === "all" || file.state === kind).length;
    const made = element("button", `${say(`files-${kind}`)} ${count}`);
    made.setAttribute("role", "radio");
    made.setAttribute("aria-checked", String(kind === filter));
    made.addEventListener("click", () => {
      filter = kind;
      paint();
    });
    return made;
  }));
  byId("files").replaceChildren(...files.filter((file) => filter === "all" || file.state === filter).map((file) => {
    const item = element("li", "", file.state);
    const made = document.createElement("button");
    made.append(
      element("span", file.name, "file"),
      element("span", say(file.picture ? "a-picture" : "a-video"), "state"),
      element("span", say(`file-${file.state}`), "state"),
    );
    /** @type {HTMLButtonElement} */ (made).disabled = opening.opening === "finding";
    made.addEventListener("click", () => open(file.number).catch(fail));
    item.append(made);
    return item;
  }));
  working();
}

/** What is on its way. */
function working() {
  const place = byId("opening");
  const file = files.find((one) => one.number === opening.number);
  place.hidden = !file || !["finding", "failed", "torn"].includes(opening.opening);
  if (opening.opening !== "finding") delete place.dataset.finding;
  if (place.hidden || !file) return place.replaceChildren();
  if (opening.opening === "torn") {
    const remove = element("button", say("torn-remove"), "main");
    remove.addEventListener("click", () => open(file.number, true).catch(fail));
    place.replaceChildren(element("b", file.name), element("span", opening.message, "bad"), remove);
    return;
  }
  if (opening.opening === "failed") {
    place.replaceChildren(element("b", file.name), element("span", opening.message, "bad"));
    return;
  }
  const finding = `${file.number} ${speak()}`;
  if (place.dataset.finding !== finding) { // once: a button that is made anew loses the focus, and a click on it
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.setAttribute("aria-label", say("detect"));
    const cancel = element("button", say("cancel"));
    cancel.addEventListener("click", () => ask("api/cancel", {}).catch(fail));
    place.replaceChildren(element("b", file.name), element("span", ""), bar, cancel);
    place.dataset.finding = finding;
  }
  /** @type {HTMLElement} */ (place.querySelector("span")).textContent = fill("files-finding", Math.round(100 * opening.share));
  /** @type {HTMLProgressElement} */ (place.querySelector("progress")).value = opening.share;
}

/** @param {number} number @param {boolean} [drop] take out a line that was cut off */
async function open(number, drop = false) {
  opening = await ask("api/open", { number, drop });
  paint();
  await wait();
}

let waiting = false;
/** Follow what is on its way, and go there. */
async function wait() {
  if (waiting) return;
  waiting = true;
  try {
    while (opening.opening === "finding") {
      await new Promise((resolve) => setTimeout(resolve, 300));
      opening = await ask("api/opening");
      working();
    }
    if (opening.opening === "open") location.assign(`film/${opening.number}/`);
    else await load();
  } finally {
    waiting = false;
  }
}

async function load() {
  const found = await ask("api/files");
  files = found.files;
  folder = found.folder;
  opening = found;
  paint();
}

const language = /** @type {HTMLSelectElement} */ (byId("language"));
for (const name of Object.keys(LANGUAGES)) language.add(new Option(new Intl.DisplayNames([name], { type: "language" }).of(name) ?? name, name));
language.value = speak();
language.addEventListener("change", () => {
  speak(language.value);
  paint();
});
addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by || /** @type {HTMLElement} */ (event.target).matches("select")) return;
  const all = [...document.querySelectorAll("#files button")];
  const at = all.indexOf(/** @type {Element} */ (document.activeElement));
  /** @type {HTMLElement | undefined} */ (all[Math.max(0, Math.min(all.length - 1, at + by))])?.focus();
  event.preventDefault();
});
addEventListener("pageshow", () => {
  load().then(() => {
    if (opening.opening === "finding" || (files.length === 1 && opening.opening === "open")) return wait();
  }).catch(fail);
});
