// A card for each camera: made once, then changed in place, so that what has the focus keeps it.

import { sentence } from "./advice.js";
import { picture } from "./api.js";
import { byId, element, write } from "./dom.js";
import { draw, graph } from "./graph.js";
import { fail } from "./messages.js";
import { bytes, duration, fill, number, percent, say, seconds } from "./strings.js";
import * as drawing from "./zones.js";

const STALE = 3;
/** More than so many cameras are shown small, with most figures folded away. */
const FEW = 4;

/** @typedef {{root: HTMLElement, image: HTMLImageElement, over: HTMLElement, state: HTMLElement, wrong: HTMLElement, figures: Map<string, HTMLElement>, graph: SVGElement, more: HTMLDetailsElement, lists: Map<string, HTMLElement>, number: number, camera: import("./api.js").Camera | null}} Card */

/** @type {Map<string, Card>} */
const cards = new Map();

/** @param {import("./api.js").Overview} seen */
export function paint(seen) {
  const names = seen.cameras.map((camera) => camera.name);
  for (const [name, card] of cards) {
    if (names.includes(name)) continue;
    card.root.remove();
    cards.delete(name);
  }
  document.body.dataset.many = names.length === 1 ? "one" : names.length <= FEW ? "few" : "many";
  let before = /** @type {Element | null} */ (null);
  for (const camera of seen.cameras) {
    const card = cards.get(camera.name) ?? make(camera.name, names.length === 1);
    cards.set(camera.name, card);
    const place = before ? before.nextElementSibling : byId("cameras").firstElementChild;
    if (place !== card.root) byId("cameras").insertBefore(card.root, place);
    before = card.root;
    update(card, camera, seen.now);
  }
}

/** How wide pictures are on this screen, in its own pixels. */
export function width() {
  const first = cards.values().next().value;
  return first ? Math.ceil(first.image.clientWidth * devicePixelRatio) || 480 : 480;
}

/** Everything anew, in another language. */
export function clear() {
  for (const card of cards.values()) card.root.remove();
  cards.clear();
}

/** No picture of any camera is from now. */
export function stale() {
  for (const card of cards.values()) card.root.classList.add("stale");
}

/** Show the card of a camera, and move the focus there. @param {string} name */
export function go(name) {
  const root = cards.get(name)?.root;
  root?.scrollIntoView({ block: "start" });
  root?.focus({ preventScroll: true });
}

/** @param {string} name @param {boolean} open @returns {Card} */
function make(name, open) {
  const root = element("article", "", "camera");
  root.tabIndex = -1;
  const title = element("h2", name);
  title.id = `camera-${name}`;
  root.setAttribute("aria-labelledby", title.id);
  const frame = element("div", "", "picture");
  const image = element("img");
  image.alt = fill("picture-of", name);
  const over = element("p", "", "over");
  frame.append(image, over);
  const state = element("p", "", "state");
  const wrong = element("p", "", "wrong");
  const head = element("div", "", "head");
  head.append(title, state);
  const figures = element("dl", "", "figures");
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const key of ["delay", "hidden", "hour"]) {
    const pair = element("div");
    const value = element("dd");
    pair.append(element("dt", say(key)), value);
    figures.append(pair);
    known.set(key, value);
  }
  const bars = graph();
  const more = element("details");
  more.open = open;
  more.append(element("summary", say("more")));
  /** @type {Map<string, HTMLElement>} */
  const lists = new Map();
  for (const key of ["effort", "sinks", "disk", "process"]) {
    const list = element("ul");
    list.setAttribute("aria-label", say(key));
    more.append(element("h3", say(key)), list);
    lists.set(key, list);
  }
  const body = element("div", "", "body");
  const zones = element("button", say("zones"));
  zones.type = "button";
  zones.setAttribute("aria-label", fill("zones-of", name));
  zones.addEventListener("click", () => drawing.open(name).catch(fail));
  body.append(head, wrong, figures, bars, zones, more);
  root.append(frame, body);
  /** @type {Card} */
  const card = { root, image, over, state, wrong, figures: known, graph: bars, more, lists, number: 0, camera: null };
  more.addEventListener("toggle", () => card.camera && details(card, card.camera));
  return card;
}

/** @param {Card} card @param {import("./api.js").Camera} camera @param {number} at */
function update(card, camera, at) {
  const now = camera.now;
  card.root.classList.remove("stale");
  card.root.dataset.state = camera.state;
  write(card.state, say(`state-${camera.state}`));
  write(card.wrong, sentence(camera));
  const picturing = camera.picture;
  if (picturing && picturing.number !== card.number) {
    card.image.src = picture(camera.name, picturing.number);
    card.number = picturing.number;
  }
  const age = now?.age ?? null;
  const over = camera.state === "ended" ? say("state-ended") : !now || age === null ? say("no-picture-yet") : age > STALE ? fill("no-picture-for", duration(age)) : "";
  write(card.over, over);
  card.root.classList.toggle("old", over !== "" || !picturing);
  /** @param {string} key @param {string} text */
  const figure = (key, text) => write(/** @type {HTMLElement} */ (card.figures.get(key)), text);
  figure("delay", now && now.latency.median !== null ? seconds(now.latency.median) : "–");
  figure("hidden", now ? percent(now.minute.obscured) : "–");
  figure("hour", camera.hour.share === null ? "–" : percent(camera.hour.share));
  draw(card.graph, camera.hour, at);
  card.camera = camera;
  if (card.more.open) details(card, camera);
}

/** @param {Card} card @param {import("./api.js").Camera} camera */
function details(card, camera) {
  const now = camera.now;
  const round = now?.effort.round ?? null;
  list(card, "effort", now ? [
    fill("rate", number(now.rate, 0)),
    ...(round === null ? [] : [fill("round", seconds(round))]),
    ...(now.effort.coarser > 1 ? [fill("coarser", number(now.effort.coarser, 1))] : []),
    ...(now.minute.late >= 0.005 ? [fill("late", percent(now.minute.late))] : []),
  ] : []);
  list(card, "sinks", Object.entries(now?.stages ?? {}).map(([name, stage]) =>
    `${name === "source" || name === "detector" ? say(name) : name.replace(/^sink /, "")}: ${say(`stage-${stage.state}`)}${stage.detail ? ` (${stage.detail})` : ""}`));
  list(card, "disk", camera.disks.map((disk) => `${disk.folder}: ${disk.free === null ? "–" : fill("free", bytes(disk.free))}`));
  list(card, "process", now ? [fill("up", duration(now.up)), fill("memory", bytes(now.memory)), ...(camera.restarts ? [fill("restarts", camera.restarts)] : [])] : []);
}

/** @param {Card} card @param {string} key @param {string[]} lines */
function list(card, key, lines) {
  const where = /** @type {HTMLElement} */ (card.lists.get(key));
  const said = lines.length ? lines : ["–"];
  if (where.children.length !== said.length) where.replaceChildren(...said.map(() => element("li")));
  said.forEach((line, index) => write(/** @type {Element} */ (where.children[index]), line));
}
