// Signing and publishing: where to, who looked and how much, and how it goes on.

import * as api from "./api.js";
import { fail, tell } from "./messages.js";
import { next } from "./queue.js";
import { begin } from "./sample.js";
import { tellSeen } from "./seen.js";
import { change, load, state } from "./state.js";
import { fill, say } from "./strings.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

/** @param {string} name @param {string} value @param {string} [hint] */
function field(name, value, hint = "") {
  const label = document.createElement("label");
  const input = document.createElement("input");
  input.name = name;
  input.value = value;
  input.placeholder = hint;
  input.maxLength = 200;
  label.append(say(name), input);
  return { label, input };
}

/** Ask where to, and for a name; then sign and publish. */
export async function publish() {
  const [{ seen }, queue] = await Promise.all([tellSeen(), api.questions()]);
  const form = document.createElement("form");
  form.method = "dialog";
  const before = outputs.get(state.named);
  const output = field("where-to", before ?? state.output);
  output.input.maxLength = 4096;
  const force = document.createElement("input");
  force.type = "checkbox";
  force.checked = before !== undefined;
  const boxed = document.createElement("label");
  boxed.className = "check";
  boxed.append(force, say("replace"));
  const name = field("sign-name", state.by);
  const note = field("sign-note", "");
  const looked = document.createElement("p");
  looked.textContent = [
    fill("sign-seen", Math.round(100 * seen)),
    fill("sign-queue", queue.answered, queue.open),
  ].join(" · ");
  const sample = document.createElement("button");
  sample.type = "button";
  sample.textContent = say("sample");
  sample.addEventListener("click", () => {
    dialog.close("cancel");
    begin().catch(fail);
  });
  const [ok, cancel] = ["publish", "cancel"].map((word) => {
    const made = document.createElement("button");
    made.value = word;
    made.textContent = say(word);
    return made;
  });
  ok.className = "main";
  form.append(output.label, boxed, looked, sample, name.label, note.label, cancel, ok);
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.showModal();
  output.input.focus();
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || /** @type {HTMLElement} */ (event.target).matches("button")) return;
    event.preventDefault();
    dialog.close("publish");
  });
  await new Promise((resolve) => (dialog.onclose = resolve));
  if (dialog.returnValue !== "publish" || !output.input.value.trim()) return;
  const signed = await api.sign({ name: name.input.value.trim(), note: note.input.value.trim() });
  if (signed.signed < signed.wanted) return tell(fill("sign-waits", signed.wanted - signed.signed));
  await api.publish({ output: output.input.value.trim(), force: force.checked });
  follow(state.named);
}

/** Where outputs were published since the page was opened, by version. @type {Map<string, string>} */
const outputs = new Map();

/** Say how the output goes on, until it is done. @param {string} named its version */
function follow(named) {
  const timer = setInterval(async () => {
    try {
      const now = await api.publishing();
      if (now.state === "running") return tell(`${say(now.stage)} ${Math.round(100 * now.share)}%`);
      clearInterval(timer);
      const asks = now.state === "released" && now.verdict !== "pass";
      tell(say(asks ? "released-asks" : now.state).replace("%", now.output || now.message), now.state !== "released");
      if (now.output) outputs.set(named, now.output);
      change({ checked: false });
      if (!asks && now.state !== "refused") return;
      await load();
      await next();
    } catch (error) {
      clearInterval(timer);
      fail(error);
    }
  }, 500);
}
