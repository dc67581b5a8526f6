// A line of text for the person, also read out by screen readers.

const line = /** @type {HTMLElement} */ (document.getElementById("message"));
let timer = 0;

/** @param {string} text @param {boolean} [bad] */
export function tell(text, bad = false) {
  line.textContent = text;
  line.classList.toggle("bad", bad);
  clearTimeout(timer);
  timer = window.setTimeout(() => (line.textContent = ""), bad ? 12000 : 5000);
}

/** @param {unknown} error */
export function fail(error) {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && "lasting" in error && error.lasting) return banner("error", text);
  tell(text, true);
}

const above = document.getElementById("banner");
/** @type {Map<string, {text: string, button?: {name: string, act: () => unknown}}>} */
const banners = new Map();

/** Say something above the page until it is no longer so. @param {string} what @param {string} text @param {{name: string, act: () => unknown}} [button] */
export function banner(what, text, button) {
  if ((banners.get(what)?.text ?? "") === text) return;
  if (text) banners.set(what, { text, button });
  else banners.delete(what);
  above?.replaceChildren(...[...banners.values()].map((one) => {
    const line = document.createElement("p");
    line.textContent = one.text;
    if (one.button) {
      const made = document.createElement("button");
      made.textContent = one.button.name;
      made.addEventListener("click", one.button.act);
      line.append(" ", made);
    }
    return line;
  }));
}
