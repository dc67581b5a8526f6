// Recordings: what was recorded when, and what a person does with it. Each act is in the custody log with their name.

import * as api from "./api.js";
import { byId, element, write } from "./dom.js";
import { fail, tell } from "./messages.js";
import { bytes, day, duration, fill, number, say } from "./strings.js";

/** @param {string} id */
const input = (id) => /** @type {HTMLInputElement} */ (byId(id));
const camera = /** @type {HTMLSelectElement} */ (byId("of"));
export const NAME = "anonymize-name";

/** A time for a field of the form, as of here. @param {number} at in seconds since the epoch */
const local = (at) => new Date(1000 * at - 60000 * new Date(1000 * at).getTimezoneOffset()).toISOString().slice(0, 19);

/** The time in a field of the form, as the server reads it. @param {string} id */
const asked = (id) => (input(id).value ? new Date(input(id).value).toISOString() : "");

/** @param {import("./api.js").Overview} seen */
export function cameras(seen) {
  const names = seen.cameras.filter((one) => one.records).map((one) => one.name);
  byId("to-recordings").hidden = !names.length;
  if ([...camera.options].map((one) => one.value).join() === names.join()) return;
  const chosen = camera.value;
  camera.replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) camera.value = chosen;
}

/** @param {string} [name] */
export async function open(name) {
  if (name) camera.value = name;
  if (!input("from").value) {
    const now = Date.now() / 1000;
    input("from").value = local(now - 86400);
    input("to").value = local(now + 60);
  }
  await list();
}

/** What is on the page: of which camera and span, and when its first row begins. */
let shown = { camera: "", from: "", to: "", first: 0 };

async function list() {
  shown = { camera: camera.value, from: asked("from"), to: asked("to"), first: 0 };
  const found = await api.recordings(shown.camera, shown.from, shown.to);
  const few = found.rows[0];
  if (few) shown.first = few.from;
  const rows = found.rows.filter((row) => !row.gap).length;
  write(byId("found"), [
    rows ? "" : say("nothing-recorded"), found.writing ? say("being-written") : "", ...found.notes,
  ].filter(Boolean).join(" "));
  byId("rows").replaceChildren(...found.rows.map(line));
  offer(found.more);
  byId("rows").closest("table")?.toggleAttribute("hidden", !found.rows.length);
  byId("exports").replaceChildren(...found.exports.map((one) => {
    const item = element("li");
    item.append(link(one.name), ` ${bytes(one.size)} `, ...(one.report ? [link(one.report, say("report"))] : []));
    return item;
  }));
  byId("exported").hidden = !found.exports.length;
}

/** Offer the rows before the first one. @param {number} more */
function offer(more) {
  byId("earlier").hidden = !more;
  write(byId("earlier"), fill("more-rows", number(more, 0)));
}

/** Put the rows before the first one above it, which stays where it is. */
async function earlier() {
  const at = shown;
  const found = await api.recordings(at.camera, at.from, at.to, at.first);
  if (at !== shown) return; // another span was asked for meanwhile
  const below = byId("rows").firstElementChild;
  const place = below?.getBoundingClientRect().top ?? 0;
  byId("rows").prepend(...found.rows.map(line));
  const few = found.rows[0];
  if (few) shown.first = few.from;
  offer(few ? found.more : 0);
  scrollBy(0, (below?.getBoundingClientRect().top ?? 0) - place);
}

/** @param {string} name @param {string} [text] */
function link(name, text = name) {
  const made = element("a", text);
  made.href = api.exported(camera.value, name);
  made.download = name;
  return made;
}

/** @param {import("./api.js").Row} row */
function line(row) {
  const made = element("tr", "", row.gap ? "gap" : "");
  const choose = element("button", say("choose"));
  choose.type = "button";
  choose.setAttribute("aria-label", fill("choose-span", day(row.from), day(row.to)));
  choose.addEventListener("click", () => {
    input("from").value = local(Math.floor(row.from));
    input("to").value = local(Math.ceil(row.to));
    (input("by").value ? byId("why") : byId("by")).focus();
  });
  const what = row.gap ? say("no-pictures") : row.wrong === "changed" ? say("was-changed") : row.wrong || (row.held ? fill("held-by", row.held.by, row.held.reason) : "");
  const cells = [day(row.from), day(row.to), duration(row.to - row.from), row.gap ? "" : bytes(row.size ?? 0), what];
  made.append(...cells.map((text) => element("td", text)));
  const last = element("td");
  if (!row.gap) last.append(choose);
  made.append(last);
  return made;
}

/** What the form asks for. */
function chosen() {
  sessionStorage.setItem(NAME, input("by").value);
  return { camera: camera.value, from: asked("from"), to: asked("to"), by: input("by").value, reason: input("why").value };
}

let busy = false;

/** @param {string} act */
async function act(act) {
  if (busy) return;
  for (const id of act === "hold" || act === "release" ? ["by", "why"] : ["by"]) {
    if (input(id).value.trim()) continue;
    input(id).focus();
    throw new Error(say(id === "by" ? "name-missing" : "reason-missing"));
  }
  tell(say("working"));
  busy = true;
  const made = await api.act(act, chosen()).finally(() => (busy = false));
  if (act === "verify") return follow();
  if (act === "export") tell([fill("was-exported", made.name, number(made.pictures, 0)), made.gaps ? fill("with-gaps", made.gaps) : "", ...made.notes].filter(Boolean).join(" "));
  else tell([fill(act === "hold" ? "was-held" : "was-released", made.segments), ...made.notes].join(" "));
  await list();
}

/** Follow an examination to its end. */
async function follow() {
  for (;;) {
    const now = await api.verifying();
    const done = now.state === "done";
    write(byId("check"), now.state === "running" ? fill("checking", now.done, now.of) : done ? verdict(now) : now.state === "failed" ? fill("check-failed", now.message) : "");
    byId("check").classList.toggle("bad", now.state === "failed" || now.verdict === "fail");
    if (now.state !== "running") return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** @param {any} now */
const verdict = (now) => [
  fill(`verdict-${now.verdict}`, now.segments), ...now.failed.map((/** @type {any} */ one) => `${one.segment}: ${one.error}`), ...now.complaints,
].join(" ");

export function begin() {
  input("by").value = sessionStorage.getItem(NAME) ?? "";
  byId("span").addEventListener("submit", (event) => {
    event.preventDefault();
    list().catch(fail);
  });
  byId("earlier").addEventListener("click", () => earlier().catch(fail));
  camera.addEventListener("change", () => list().catch(fail));
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-act]"))) {
    button.addEventListener("click", async () => {
      button.setAttribute("aria-busy", "true");
      await act(button.dataset.act ?? "").catch(fail);
      button.removeAttribute("aria-busy");
    });
  }
}
