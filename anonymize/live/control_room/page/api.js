// Requests to the server. Every answer is JSON, or an error with a message for people.

import { day, fill, knows } from "./strings.js";

/** What the server refused, in the language of the page; in English where the page has no words for it. @param {any} given @returns {string} */
function refusal(given) {
  const values = (given.values ?? []).map((/** @type {string | number} */ one) => (typeof one === "number" ? day(one) : one));
  return given.code && knows(`refused-${given.code}`) ? fill(`refused-${given.code}`, ...values) : fill("refused", given.error);
}

/** @param {string} path @param {RequestInit} [how] @returns {Promise<any>} */
async function ask(path, how) {
  const answer = await fetch(path, { ...how, credentials: "same-origin" });
  const given = await answer.json().catch(() => ({ error: `${answer.status}` }));
  if (!answer.ok) throw new Error(refusal(given) ?? `${answer.status}`);
  return given;
}

/**
 * @typedef {{what: string, value?: number, failing?: boolean, stage?: string, detail?: string, words?: string}} Cause
 * @typedef {{state: string, detail: string, since: number}} Stage
 * @typedef {{out: number, obscured: number, late: number} | null} Minute
 * @typedef {{
 *   up: number, age: number | null, rate: number, latency: {median: number | null, p95: number | null},
 *   minute: {obscured: number, late: number}, effort: {round: number | null, long: number, coarser: number},
 *   stages: Record<string, Stage>, frames: Record<string, number>, memory: number,
 * }} Now
 * @typedef {{
 *   name: string, state: string, why: string, causes: Cause[], restarts: number, records: boolean,
 *   picture: {number: number, size: [number, number]} | null, hour: {minutes: Minute[], share: number | null},
 *   disks: {folder: string, free: number | null, size: number | null}[], now: Now | null,
 * }} Camera
 * @typedef {{now: number, file: string, cameras: Camera[]}} Overview
 */

/** All cameras. @param {number} width @param {string} large @returns {Promise<Overview>} */
export const cameras = (width, large) => ask(`api/cameras?width=${width}&large=${encodeURIComponent(large)}`);

/** Where the picture of a camera is. @param {string} name @param {number} number */
export const picture = (name, number) => `api/picture/${encodeURIComponent(name)}?n=${number}`;

/**
 * @typedef {{from: number, to: number, gap?: boolean, segments?: number, size?: number, held?: {reason: string, by: string, at: string} | null, wrong?: string}} Row
 * @typedef {{folder: string, rows: Row[], more: number, notes: string[], writing: boolean, exports: {name: string, size: number, report: string}[]}} Recordings
 */

/** @param {string} path @param {object} body */
const post = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** The last rows of a span; those before `before`, if it is given. @param {string} camera @param {string} from @param {string} to @param {number} [before] @returns {Promise<Recordings>} */
export const recordings = (camera, from, to, before) => ask(`api/recordings?${new URLSearchParams({ camera, from, to, ...(before === undefined ? {} : { before: `${before}` }) })}`);
/** Hold, release, export or verify a span. @param {string} act @param {object} asked */
export const act = (act, asked) => post(`api/recordings/${act}`, asked);
export const verifying = () => ask("api/recordings/verify");
/** @param {string} camera @param {string} name */
export const exported = (camera, name) => `api/exports/${encodeURIComponent(camera)}/${encodeURIComponent(name)}`;

export const roster = () => ask("api/roster");
/** @param {object} asked */
export const addCamera = (asked) => post("api/roster/add", asked);
/** @param {object} asked */
export const removeCamera = (asked) => post("api/roster/remove", asked);
/** @param {object} asked */
export const undoCamera = (asked) => post("api/roster/undo", asked);
/** @param {object} asked */
export const tryCamera = (asked) => post("api/tryout", asked);
export const tried = () => ask("api/tryout");
export const endTrial = () => post("api/tryout/end", {});

/** @param {string} camera */
export const zones = (camera) => ask(`api/zones?camera=${encodeURIComponent(camera)}`);
/** @param {object} asked */
export const changeZones = (asked) => post("api/zones", asked);
/** @param {object} asked */
export const undoZones = (asked) => post("api/zones/undo", asked);
