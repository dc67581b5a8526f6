// The list of what was found: only the rows in sight are in the page, so that thousands stay quick.

import * as api from "./api.js";
import { take } from "./pair.js";
import { atRest } from "./picture.js";
import { change, clock, go, isOpen, onChange, ordered, state } from "./state.js";
import { kindOf, say } from "./strings.js";

const list = /** @type {HTMLElement} */ (document.getElementById("list"));
const inner = /** @type {HTMLElement} */ (document.getElementById("rows"));
const count = /** @type {HTMLElement} */ (document.getElementById("count"));
const ROW = 64;
/** @type {import("./state.js").Track[]} */
let rows = [];
/** Pictures of tracks, by track and frame. @type {Map<string, HTMLCanvasElement>} */
const thumbs = new Map();
const KEPT = 300;
/** Milliseconds for which the list has to rest. */
const REST = 80;

/** @param {import("./state.js").Track} row */
const keyOf = (row) => `${row.track} ${row.best}`;

let filling = false;
let touched = 0;

/** Get the pictures of the rows in sight, one after the other, while nothing plays and nothing else is waited for. */
async function fillIn() {
  if (filling) return;
  filling = true;
  try {
    while (!state.playing) {
      await atRest();
      const left = touched + REST - performance.now();
      if (left > 0) {
        await new Promise((resolve) => setTimeout(resolve, left));
        continue;
      }
      const place = /** @type {HTMLElement | null} */ (inner.querySelector(".thumb:empty:not([data-none])"));
      if (!place) return;
      const row = state.tracks.get(Number(place.dataset.track));
      try {
        if (!row) throw new Error();
        const bitmap = await api.thumb(row.track);
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
        /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(bitmap, 0, 0);
        bitmap.close();
        thumbs.set(keyOf(row), canvas);
        for (const old of thumbs.keys()) if (thumbs.size > KEPT) thumbs.delete(old);
        const there = inner.querySelector(`#track-${row.track} .thumb:empty`);
        there?.replaceChildren(canvas);
      } catch {
        place.dataset.none = "";
      }
    }
  } finally {
    filling = false;
  }
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
  picture.dataset.track = String(row.track);
  const there = thumbs.get(keyOf(row));
  if (there) picture.replaceChildren(there);
  const words = element("div", "", "words");
  words.append(
    element("b", `${kindOf(row.kind)} ${row.track}`),
    element("span", `${clock(row.first)} – ${clock(row.end - 1)}`),
    element("span", say(isOpen(row) ? "open" : row.doubt === "behind" && row.drawn === "nothing" ? "is-open" : `is-${row.drawn}`), "badge"),
  );
  made.append(picture, words);
  return made;
}

/** Choose the row that is meant. @param {MouseEvent} event */
function choose(event) {
  const on = /** @type {HTMLElement} */ (event.target).closest(".row");
  const row = on && state.tracks.get(Number(on.id.slice("track-".length)));
  if (!row || take(row.track)) return;
  change({ selected: row.track });
  if (state.index < row.first || state.index >= row.end) go(row.best);
}
// When the button goes down: a row that is painted anew before it comes up gets no click.
inner.addEventListener("mousedown", (event) => { if (event.button === 0) choose(event); });
inner.addEventListener("click", (event) => { if (event.detail === 0) choose(event); }); // of no mouse: a screen reader's

/** The rows that are in the page, by their place in the list. @type {Map<number, HTMLElement>} */
const painted = new Map();
function paint(force = false) {
  touched = performance.now();
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 2);
  const end = Math.min(rows.length, first + Math.ceil(list.clientHeight / ROW) + 5);
  if (force) {
    inner.style.height = `${rows.length * ROW}px`;
    inner.replaceChildren();
    painted.clear();
  }
  for (const [number, one] of painted) {
    if (number >= first && number < end) continue;
    one.remove();
    painted.delete(number);
  }
  for (let number = end - 1; number >= first; number--) { // from the last one, so that each stands before the next
    if (painted.has(number)) continue;
    const made = line(rows[number]);
    made.style.top = `${number * ROW}px`;
    inner.insertBefore(made, painted.get(number + 1) ?? null);
    painted.set(number, made);
  }
  list.setAttribute("aria-activedescendant", state.selected >= 0 ? `track-${state.selected}` : "");
  void fillIn();
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
  if (changed.has("playing") && !state.playing) void fillIn();
});
