// Versions of the output: each has a name, and who stays visible in it is decided for it alone.

import * as api from "./api.js";
import { ask } from "./ask.js";
import { fail } from "./messages.js";
import { load, onChange, state } from "./state.js";
import { say } from "./strings.js";

const NEW = "+";
const menu = /** @type {HTMLSelectElement} */ (document.getElementById("version"));

function fill() {
  const named = state.versions.map((name) => new Option(name, name));
  menu.replaceChildren(new Option(say("version-all"), ""), ...named, new Option(say("version-new"), NEW));
  menu.value = state.named;
}

async function choose() {
  const name = menu.value === NEW ? (await ask(say("version-name"), say("version-hint"), ""))?.text : menu.value;
  if (name === undefined) return;
  await api.version(name);
  await load();
}

menu.addEventListener("change", () => choose().catch(fail).finally(fill));
onChange((changed) => {
  if (["version", "versions", "named"].some((key) => changed.has(key))) fill();
});
