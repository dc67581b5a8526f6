// What the page knows, in one place. Whoever shows a part of it is called when it changes.

import * as api from "./api.js";
import { banner, tell } from "./messages.js";
import { say } from "./strings.js";

/** @typedef {{track: number, kind: string, shape: string, first: number, end: number, frames: number, found: number, hand: number,
 *   score: number, best: number, box: number[], doubt: string | null, answer: string | null, shown: any[], drawn: string}} Track */

/** @typedef {{rate: number, part: number, parts: number, peaks: number, kept: boolean}} Sound */

export const state = {
  name: "",
  frames: 0,
  width: 1,
  height: 1,
  aspect: 1,
  /** @type {number[]} */ times: [],
  /** @type {string[]} */ reasons: [],
  /** @type {Map<number, Track>} */ tracks: new Map(),
  /** @type {string[]} kinds of the user's own that were looked for */ kinds: [],
  /** @type {number[]} frames with which scenes begin */ cuts: [],
  /** @type {Sound | null} */ sound: null,
  /** @type {[number, number, string][]} seconds from and to, and what is heard */ silences: [],
  audible: true,
  /** @type {[number, number] | null} frames that are marked, half-open */ mark: null,
  output: "",
  /** Whether all that the check of the last output found was answered. */ checked: false,
  by: "",
  approvals: 0,
  /** The version of the output that is looked at; empty for all. */ named: "",
  /** @type {string[]} */ versions: [],
  edits: 0,
  redo: 0,
  index: 0,
  selected: -1,
  view: "outlines",
  playing: false,
  tool: "select",
  /** The first track of two, while the second is chosen. */ pair: -1,
  /** @type {number[][]} tracks whose lanes are in one row */ rows: [],
  readonly: false,
  /** The question that is asked, and its place. */ asked: "",
  /** @type {{frame: number, box: number[]} | null} */ spot: null,
  version: 0,
};

/** @type {Set<(changed: Set<string>) => void>} */
const listeners = new Set();

/** @param {(changed: Set<string>) => void} listener */
export const onChange = (listener) => listeners.add(listener);

/** Change some of the state, and tell whoever shows it. @param {Partial<typeof state>} changes */
export function change(changes) {
  const keys = /** @type {(keyof typeof state)[]} */ (Object.keys(changes));
  const changed = new Set(keys.filter((key) => state[key] !== changes[key]));
  Object.assign(state, changes);
  if (changed.size) for (const listener of listeners) listener(changed);
}

/** Take what the server says of tracks that an edit touched. @param {any} answer */
function take(answer) {
  const tracks = new Map(state.tracks);
  for (const track of answer.touched ?? []) tracks.delete(track);
  for (const row of answer.tracks ?? []) tracks.set(row.track, row);
  const selected = tracks.has(state.selected) ? state.selected : -1;
  change({ tracks, selected, edits: answer.edits, redo: answer.redo, silences: answer.silences, rows: answer.rows, versions: answer.versions, version: state.version + 1 });
}

export async function load() {
  const { tracks, notice, ...rest } = await api.review();
  if (notice && !state.frames) banner("notice", notice, { name: say("done"), act: () => banner("notice", "") });
  change({ ...rest, tracks: new Map(tracks.map((/** @type {Track} */ row) => [row.track, row])), version: state.version + 1 });
}

/** The last edit that was asked for. @type {Promise<any>} */
let latest = Promise.resolve();

/** Ask for an edit once those before it are answered, and show what it did. @param {() => Promise<any>} ask @returns {Promise<any>} */
function inTurn(ask) {
  if (state.readonly) return Promise.reject(new Error(say("read-only")));
  const answered = latest.then(ask).then((answer) => {
    banner("error", "");
    take(answer);
    return answer;
  });
  latest = answered.catch(() => {});
  return answered;
}

/** Make an edit, and say what became of the head around a face. @param {object} edit */
export async function make(edit) {
  const answer = await inTurn(() => api.edit(edit));
  if (answer.said) tell(say(answer.said));
  return answer;
}
export const undo = () => inTurn(api.undo);
export const redo = () => inTurn(api.redo);
/** Answer a question of the queue. @param {string} id @param {string} given */
export const answer = (id, given) => inTurn(() => api.answer(id, given));

/** @param {number} index */
export const go = (index) => change({ index: Math.max(0, Math.min(state.frames - 1, Math.round(index))) });

/** Tracks in the order of the list. @returns {Track[]} */
export const ordered = () => [...state.tracks.values()].sort((a, b) => a.first - b.first || a.track - b.track);

/** The rows of the time line: tracks in the order of the list, those that are in one row together. @returns {Track[][]} */
export function rowsOfLanes() {
  const row = new Map(state.rows.flatMap((some) => some.map((track) => [track, some[0]])));
  /** @type {Map<number, Track[]>} */
  const found = new Map();
  for (const track of ordered()) {
    const number = row.get(track.track) ?? track.track;
    const there = found.get(number);
    if (there) there.push(track);
    else found.set(number, [track]);
  }
  return [...found.values()];
}

/** Whether somebody should say what this track is. @param {Track} track */
export const isOpen = (track) => track.doubt !== null && track.answer === null;

/** A time as people write it. @param {number} index */
export function clock(index) {
  const time = Math.max(0, (state.times[index] ?? 0) - (state.times[0] ?? 0));
  const minutes = Math.floor(time / 60);
  return `${minutes}:${(time - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}
