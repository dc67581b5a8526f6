// What the selected track is, and in which outline it is hidden; both can be changed.

import { fail } from "./messages.js";
import { make, onChange, state } from "./state.js";
import { KINDS, say } from "./strings.js";

const SHAPES = ["box", "ellipse"];
/** All else may be text, and is hidden by boxes alone. */
const ROUND = ["face", "head", "person", "area"];

/** @param {"kind" | "shape"} what @param {string[]} values */
function menu(what, values) {
  const made = document.createElement("select");
  made.dataset.label = made.dataset.what = what;
  made.setAttribute("aria-label", say(what));
  for (const value of values) {
    const option = new Option(say(value), value);
    option.dataset.say = value;
    made.add(option);
  }
  made.addEventListener("change", () => set({ [what]: made.value }).catch(fail));
  return made;
}

const [kind, shape] = [menu("kind", KINDS), menu("shape", [...SHAPES, "polygon"])];

/** @param {{kind?: string, shape?: string}} to */
async function set(to) {
  const track = state.tracks.get(state.selected);
  if (track) await make({ do: "change", track: track.track, kind: track.kind, shape: track.shape, ...to });
}

export const nextKind = () => {
  const track = state.tracks.get(state.selected);
  const all = [...KINDS, ...state.kinds];
  return track && set({ kind: all[(all.indexOf(track.kind) + 1) % all.length] });
};

/** @param {HTMLElement} place */
export const buildKinds = (place) => place.append(kind, shape);

onChange((changed) => {
  if (changed.has("kinds")) kind.append(...state.kinds.filter((own) => ![...kind.options].some((one) => one.value === own)).map((own) => new Option(own, own)));
  const track = state.tracks.get(state.selected);
  kind.disabled = !track;
  shape.disabled = !track || track.shape === "polygon";
  shape.options[1].hidden = !ROUND.includes(track?.kind ?? "");
  shape.options[2].hidden = track?.shape !== "polygon";
  if (track) [kind.value, shape.value] = [track.kind, track.shape];
});
