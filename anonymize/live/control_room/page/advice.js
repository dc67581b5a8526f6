// What is wrong with a camera, and what to do, in one sentence.

import { duration, fill, percent, say } from "./strings.js";

/** The worst cause: one for which it is failing, else the first. @param {import("./api.js").Camera} camera */
const worst = (camera) => camera.causes.find((cause) => cause.failing) ?? camera.causes[0];

/** Empty if nothing is wrong. @param {import("./api.js").Camera} camera */
export function sentence(camera) {
  const cause = worst(camera);
  if (!cause) return camera.state === "starting" && camera.now?.minute.obscured ? fill("cause-starting", percent(camera.now.minute.obscured)) : "";
  const todo = advice(cause, camera.now);
  return `${what(cause)}${todo ? `: ${say(todo)}` : ""}.`;
}

/** @param {import("./api.js").Cause} cause */
function what(cause) {
  const value = cause.value ?? 0;
  if (["hidden", "late", "slow"].includes(cause.what)) return fill(`cause-${cause.what}`, percent(value));
  if (cause.what === "sink") return fill("cause-sink", cause.stage ?? "", duration(value)) + (cause.detail ? ` (${cause.detail.split(";")[0]})` : "");
  return fill(`cause-${cause.what}`, duration(value));
}

/** @param {import("./api.js").Cause} cause @param {import("./api.js").Now | null} now */
function advice(cause, now) {
  if (cause.what === "ended") return "";
  if (cause.what === "died" || cause.what === "hangs") return "do-log";
  if (cause.what === "sink") return /disk is full/.test(cause.detail ?? "") ? "do-disk" : "do-sink";
  const source = now?.stages["source"];
  if (source && source.state !== "ok") return "do-source";
  if (cause.what === "unlearnt" || cause.what === "differs") return `do-${cause.what}`;
  if (cause.what === "small" || cause.what === "unseen" || cause.what === "slow" || (now?.effort.round ?? 0) >= (now?.effort.long ?? 1)) return "do-slow";
  return cause.what === "silent" ? "do-log" : "do-scene";
}
