// Requests to the server. Every answer is JSON, or an error with a message for people.

/** What tells this window from others. */
const TAB = crypto.randomUUID();

/** @param {string} path @param {RequestInit} [how] @returns {Promise<any>} */
async function ask(path, how) {
  const answer = await fetch(path, { ...how, credentials: "same-origin" });
  const given = await answer.json().catch(() => ({ error: `${answer.status}` }));
  if (!answer.ok) throw Object.assign(new Error(given.error ?? `${answer.status}`), { lasting: given.lasting === true });
  return given;
}

/** @param {string} path @param {object} [body] @param {boolean} [keepalive] */
const post = (path, body = {}, keepalive = false) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Tab": TAB }, body: JSON.stringify(body), keepalive });

/** Whether this window may edit. @param {{take: boolean}} how */
export const tab = (how) => post("api/tab", { tab: TAB, ...how });
export const leave = () => void post("api/tab", { tab: TAB, leave: true }, true).catch(() => {});

/** The list that this review was chosen from, if any. */
export const files = () => ask("../../api/files");
export const review = () => ask("api/review");
/** @param {number} first @param {number} end */
export const regions = (first, end) => ask(`api/regions/${first}/${end}`);
/** @param {number[]} tracks */
export const lanes = (tracks) => ask(`api/lanes?tracks=${tracks.join(",")}`);
/** @param {number} first */
export const peaks = (first) => ask(`api/peaks/${first}`);
/** @param {object} edit */
export const edit = (edit) => post("api/edit", edit);
export const questions = () => ask("api/questions");
/** @param {string} id @param {string} answer */
export const answer = (id, answer) => post("api/answer", { id, answer });
/** @param {number[]} frames */
export const seen = (frames) => post("api/seen", { frames });
export const drawSample = () => post("api/sample");
/** @param {number[]} showing */
export const sampled = (showing) => post("api/sampled", { showing });
/** @param {object} who */
export const sign = (who) => post("api/sign", who);
/** Look at a version of the output. @param {string} name */
export const version = (name) => post("api/version", { version: name });
export const undo = () => post("api/undo");
export const redo = () => post("api/redo");
/** @param {object} how */
export const publish = (how) => post("api/publish", how);
export const publishing = () => ask("api/publish");

/** @param {string} path */
async function load(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `${answer.status}`);
  return answer;
}

/** The picture of a frame. @param {number} index @param {number} width @param {string} view @returns {Promise<ImageBitmap>} */
export const picture = async (index, width, view) => createImageBitmap(await (await load(`api/picture/${index}?width=${width}&view=${view}`)).blob());

/** A small picture of a track. @param {number} track @returns {Promise<ImageBitmap>} */
export const thumb = async (track) => createImageBitmap(await (await load(`api/thumb/${track}`)).blob());

/** A part of the sound, as samples. @param {number} number @param {string} view */
export const sound = async (number, view) => new Int16Array(await (await load(`api/sound/${number}?view=${view}`)).arrayBuffer());
