// Choosing a second track, for what is done with two: they become one, or are shown in one row of the time line.

import { fail, tell } from "./messages.js";
import { change, make, state } from "./state.js";
import { say } from "./strings.js";

const TOOLS = ["join", "row"];

/** Whether a second track is to be chosen. */
export const isPairing = () => TOOLS.includes(state.tool);

/** Ask for the second one; the selected track is the first. @param {"join" | "row"} tool */
export function begin(tool) {
  if (state.selected < 0) return;
  change({ tool, pair: state.selected });
  tell(say(`${tool}-with`));
  document.getElementById("list")?.focus();
}

/** Choose nothing else. */
export const stop = () => change({ tool: "select", selected: state.pair, pair: -1 });

/** Take the second track, if one is asked for. @param {number} track @returns {boolean} whether it was */
export function take(track) {
  if (!isPairing()) return false;
  const [tool, one] = [state.tool, state.pair];
  stop();
  if (track !== one && track >= 0) make({ do: tool, track: one, other: track }).catch(fail);
  return true;
}
