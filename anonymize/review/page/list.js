// The list of what was found: only the rows in sight are in the page, so that thousands stay quick.

import * as api from "./api.js";
import { take } from "./pair.js";
import { change, clock, go, isOpen, onChange, ordered, state } from "./state.js";
import { say } from "./strings.js";

const list = /** @type {HTMLElement} */ (document.getElementById("list"));
const inner = /** @type {HTMLElement} */ (document.getElementById("rows"));
const count = /** @type {HTMLElement} */ (document.getElementById("count"));
const ROW = 64;
const THUMB = 52;
/** @type {import("./state.js").Track[]} */
let rows = [];
/** @type {Map<string, Promise<HTMLCanvasElement>>} */
const thumbs = new Map();

/** A picture of a track, cut out of the frame on which it shows best. @param {import("./state.js").Track} row */
function thumb(row) {
  const key = `${row.track} ${row.best}`;
  let found = thumbs.get(key);
  if (!found) {
    found = api.picture(row.best, 1920, "raw").then((bitmap) => {
      const [x0, y0, x1, y1] = row.box;
      const [across, down] = [bitmap.width / state.width, bitmap.height / state.height];
      const side = Math.max((x1 - x0) * across, (y1 - y0) * down, 8) * 1.1; // padding is a part of the box
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = THUMB * 2;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.drawImage(bitmap, ((x0 + x1) / 2) * across - side / 2, ((y0 + y1) / 2) * down - side / 2, side, side, 0, 0, THUMB * 2, THUMB * 2);
      bitmap.close();
      return canvas;
    });
    thumbs.set(key, found);
    for (const old of thumbs.keys()) if (thumbs.size > 300) thumbs.delete(old);
  }
  return found;
}

/** @param {string} name @param {string} text @param {string} [kind] */
function element(name, text, kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

/** @param {import("./state.js").Track} row */
function line(row) {
  const made = element("div", "", `row ${isOpen(row) ? "open" : row.drawn}`);
  made.setAttribute("role", "option");
  made.id = `track-${row.track}`;
  made.setAttribute("aria-selected", String(row.track === state.selected));
  const picture = element("div", "", "thumb");
  thumb(row).then((canvas) => picture.replaceChildren(canvas), () => {});
  const words = element("div", "", "words");
  words.append(
    element("b", `${say(row.kind)} ${row.track}`),
    element("span", `${clock(row.first)} – ${clock(row.end - 1)}`),
    element("span", isOpen(row) ? say("open") : say(`is-${row.drawn}`), "badge"),
  );
  made.append(picture, words);
  made.addEventListener("click", () => {
    if (take(row.track)) return;
    change({ selected: row.track });
    if (state.index < row.first || state.index >= row.end) go(row.best);
  });
  return made;
}

let from = -1;
function paint(force = false) {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 2);
  if (!force && first === from) return;
  from = first;
  const some = rows.slice(first, first + Math.ceil(list.clientHeight / ROW) + 5);
  inner.style.height = `${rows.length * ROW}px`;
  inner.replaceChildren(...some.map((row, number) => {
    const made = line(row);
    made.style.top = `${(first + number) * ROW}px`;
    return made;
  }));
  list.setAttribute("aria-activedescendant", state.selected >= 0 ? `track-${state.selected}` : "");
}

list.addEventListener("scroll", () => paint());
list.addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (!by || !rows.length) return;
  event.preventDefault();
  event.stopPropagation();
  const at = rows.findIndex((row) => row.track === state.selected);
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  change({ selected: row.track });
  go(row.best);
});
new ResizeObserver(() => paint(true)).observe(list);

onChange((changed) => {
  if (changed.has("version") || changed.has("language")) {
    rows = ordered();
    const open = rows.filter(isOpen).length;
    count.textContent = open ? `${rows.length} · ${say("n-open").replace("%", String(open))}` : String(rows.length);
  }
  if (changed.has("selected")) {
    const at = rows.findIndex((row) => row.track === state.selected) * ROW;
    if (at >= 0 && (at < list.scrollTop || at + ROW > list.scrollTop + list.clientHeight)) list.scrollTop = at - list.clientHeight / 3;
  }
  if (["version", "selected", "language"].some((key) => changed.has(key))) paint(true);
});
