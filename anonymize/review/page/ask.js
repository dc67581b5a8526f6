// A question with one line of text as its answer.

import { say } from "./strings.js";

const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

/** Ask; null if it was cancelled. @param {string} title @param {string} hint @param {string} value @param {string} [check] */
export function ask(title, hint, value, check = "") {
  const form = document.createElement("form");
  form.method = "dialog";
  const label = document.createElement("label");
  label.textContent = title;
  const input = document.createElement("input");
  input.placeholder = hint;
  input.value = value;
  label.append(input);
  const box = document.createElement("input");
  box.type = "checkbox";
  const boxed = document.createElement("label");
  boxed.className = "check";
  boxed.append(box, check);
  const [ok, cancel] = ["ok", "cancel"].map((name) => {
    const made = document.createElement("button");
    made.value = name;
    made.textContent = say(name);
    return made;
  });
  cancel.formNoValidate = true;
  input.required = true;
  form.append(label, ...(check ? [boxed] : []), cancel, ok);
  dialog.replaceChildren(form);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    ok.addEventListener("click", (event) => {
      if (!input.value.trim()) event.preventDefault();
    });
    dialog.onclose = () => resolve(dialog.returnValue === "ok" && input.value.trim() ? { text: input.value.trim(), checked: box.checked } : null);
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && input.value.trim()) {
        event.preventDefault();
        dialog.close("ok");
      }
    });
  });
}
