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
/** @param {object} edit */
export const edit = (edit) => post("/api/edit", edit);
export const undo = () => post("/api/undo");
export const redo = () => post("/api/redo");
/** @param {object} how */
export const publish = (how) => post("/api/publish", how);
export const publishing = () => ask("/api/publish");

/** The picture of a frame. @param {number} index @param {number} width @param {string} view @returns {Promise<ImageBitmap>} */
export async function picture(index, width, view) {
  const answer = await fetch(`/api/picture/${index}?width=${width}&view=${view}`, { credentials: "same-origin" });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `${answer.status}`);
  return createImageBitmap(await answer.blob());
}
