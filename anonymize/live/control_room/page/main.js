// The control room: what all cameras do, asked for once a second.

import * as api from "./api.js";
import * as cards from "./cameras.js";
import { byId, element, write } from "./dom.js";
import { fail } from "./messages.js";
import * as recordings from "./recordings.js";
import * as roster from "./roster.js";
import * as zones from "./zones.js";
import { called, day, LANGUAGES, say, speak, utc } from "./strings.js";

const EVERY = 1000;
let told = "";

/** @param {import("./api.js").Overview} seen */
function paint(seen) {
  cards.paint(seen);
  recordings.cameras(seen);
  zones.show(seen);
  document.title = `${seen.file} · ${say("title")}`;
  write(byId("local"), day(seen.now));
  write(byId("utc"), utc(seen.now));
  const counts = ["failing", "degraded", "starting", "ok", "ended"].map((state) => [state, seen.cameras.filter((camera) => camera.state === state).length]);
  write(byId("counts"), counts.filter(([, n]) => n).map(([state, n]) => `${n} ${say(`state-${state}`)}`).join(", "));
  attention(seen.cameras.filter((camera) => ["failing", "degraded"].includes(camera.state)));
}

/** What needs a person, each a button to its camera. @param {import("./api.js").Camera[]} ill */
function attention(ill) {
  const now = ill.map((camera) => `${camera.name} ${camera.state}`).join();
  if (now === told) return;
  told = now;
  byId("attention").replaceChildren(...ill.map((camera) => {
    const made = element("button", `${camera.name}: ${say(`state-${camera.state}`)}`, camera.state);
    made.addEventListener("click", () => {
      turn("cameras");
      cards.go(camera.name);
    });
    return made;
  }));
}

/** Turn to a part of the page. @param {string} to */
function turn(to) {
  for (const name of ["cameras", "recordings"]) {
    byId(name).hidden = name !== to;
    if (name === to) byId(`to-${name}`).setAttribute("aria-current", "page");
    else byId(`to-${name}`).removeAttribute("aria-current");
  }
}

async function refresh() {
  try {
    paint(await api.cameras(cards.width(), zones.large()));
    write(byId("banner"), "");
  } catch {
    cards.stale();
    write(byId("banner"), say("gone"));
  }
}

async function follow() {
  await refresh();
  setTimeout(follow, EVERY);
}

const language = /** @type {HTMLSelectElement} */ (byId("language"));
for (const name of Object.keys(LANGUAGES)) language.add(new Option(called(name), name));
language.value = speak();
language.addEventListener("change", () => {
  speak(language.value);
  cards.clear();
  told = "";
  if (!byId("recordings").hidden) recordings.open().catch(fail);
  refresh();
});
byId("to-cameras").addEventListener("click", () => turn("cameras"));
byId("to-recordings").addEventListener("click", () => {
  turn("recordings");
  recordings.open().catch(fail);
});
recordings.begin();
zones.begin();
roster.begin();
follow();
