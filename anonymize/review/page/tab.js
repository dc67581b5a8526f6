// Whether this window may edit, and what is in the way: asked from time to time, and said above the picture.

import * as api from "./api.js";
import { banner } from "./messages.js";
import { change, load, state } from "./state.js";
import { say } from "./strings.js";

const EVERY = 1500;

/** @param {boolean} [take] */
async function ask(take = false) {
  let now;
  try {
    now = await api.tab({ take });
  } catch {
    return banner("tab", say("gone"));
  }
  const before = state.readonly;
  change({ readonly: !now.mine });
  if (now.trouble) banner("tab", now.trouble);
  else if (!now.mine) banner("tab", say("read-only"), { name: say("edit-here"), act: () => ask(true) });
  else banner("tab", "");
  if ((before && now.mine) || (!now.mine && (now.edits !== state.edits || now.redo !== state.redo || now.named !== state.named))) await load();
}

addEventListener("pagehide", () => api.leave());
addEventListener("pageshow", () => void ask());
setInterval(() => void ask(), EVERY);
