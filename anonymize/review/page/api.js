// Requests to the server. Every answer is JSON, or an error with a message for people.

/** @param {string} path @param {RequestInit} [how] @returns {Promise<any>} */
async function ask(path, how) {
  const answer = await fetch(path, { ...how, credentials: "same-origin" });
  const given = await answer.json().catch(() => ({ error: `${answer.status}` }));
  if (!answer.ok) throw new Error(given.error ?? `${answer.status}`);
  return given;
}

/** @param {string} path @param {object} [body] */
const post = (path, body = {}) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const review = () => ask("/api/review");
/** @param {number} first @param {number} end */
export const regions = (first, end) => ask(`/api/regions/${first}/${end}`);
/** @param {number[]} tracks */
export const lanes = (tracks) => ask(`/api/lanes?tracks=${tracks.join(",")}`);
/** @param {number} first */
export const peaks = (first) => ask(`/api/peaks/${first}`);
/** @param {object} edit */
export const edit = (edit) => post("/api/edit", edit);
export const undo = () => post("/api/undo");
export const redo = () => post("/api/redo");
/** @param {object} how */
export const publish = (how) => post("/api/publish", how);
export const publishing = () => ask("/api/publish");

/** @param {string} path */
async function load(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `${answer.status}`);
  return answer;
}

/** The picture of a frame. @param {number} index @param {number} width @param {string} view @returns {Promise<ImageBitmap>} */
export const picture = async (index, width, view) => createImageBitmap(await (await load(`/api/picture/${index}?width=${width}&view=${view}`)).blob());

/** A part of the sound, as samples. @param {number} number @param {string} view */
export const sound = async (number, view) => new Int16Array(await (await load(`/api/sound/${number}?view=${view}`)).arrayBuffer());
