// Playback: the pictures follow the sound. A machine that is too slow shows fewer of them, but some, and none that is
// long over while others come.

import { prepare } from "./picture.js";
import { tell } from "./messages.js";
import { ending, frameAt } from "./moments.js";
import * as sound from "./sound.js";
import { change, go, onChange, state } from "./state.js";
import { say } from "./strings.js";

const AHEAD = 10;
/** Seconds after its time for which a picture is still shown, ... */
const LATE = 0.4;
/** ... unless none was shown for so many. */
const NONE = 1;

/** How many pictures are asked for at a time: on a slow machine they would wait for one another. @param {number} takes seconds */
const atOnce = (takes) => (takes <= 0 ? 1 : takes < 0.15 ? 4 : takes < 0.4 ? 2 : 1);

let run = 0;

export function toggle() {
  if (state.playing) return change({ playing: false });
  if (state.frames < 2) return;
  if (state.index + 1 >= state.frames) go(0);
  change({ playing: true });
}

async function begin() {
  const mine = ++run;
  const [index, from] = [state.index, state.times[state.index]];
  let clock = null;
  if (state.audible && sound.isThere()) {
    clock = await sound.begin(from).catch(() => null);
    if (mine !== run) return;
    if (!clock) tell(say("no-sound-here"));
  }
  const began = performance.now();
  follow(mine, index, clock ?? (() => from + (performance.now() - began) / 1000));
}

/** @param {number} mine @param {number} shown @param {() => number} clock */
function follow(mine, shown, clock) {
  /** @type {Set<number>} */
  const ready = new Set();
  /** @type {Set<number>} */
  const asked = new Set();
  /** Those that cannot be had. @type {Set<number>} */
  const lost = new Set();
  // How long an answer takes, in seconds; 0 until there was one.
  let [takes, latest] = [0, clock()];
  const ask = () => {
    while (asked.size < atOnce(takes)) {
      // What is asked for now comes later: from what is due then on. One slow answer holds for the next ones alone.
      const due = frameAt(clock() + takes);
      let index = Math.max(shown + 1, due);
      while (asked.has(index) || ready.has(index) || lost.has(index)) index += 1;
      if (index >= state.frames || index > due + AHEAD) return;
      const began = performance.now();
      asked.add(index);
      prepare(index).then(() => ready.add(index), () => lost.add(index)).finally(() => {
        asked.delete(index);
        const took = (performance.now() - began) / 1000;
        takes += (takes <= 0 ? 1 : took < takes ? 0.5 : 0.2) * (took - takes);
        if (mine === run) ask();
      });
    }
  };
  const tick = () => {
    if (mine !== run) return;
    if (state.index !== shown) return void begin(); // somebody went elsewhere
    ask();
    const now = clock();
    const due = frameAt(now);
    const next = Math.max(-1, ...[...ready].filter((index) => index <= due));
    for (const index of ready) if (index <= next) ready.delete(index);
    if (next > shown && (now < ending(next) + LATE || now > latest + NONE)) {
      latest = now;
      go((shown = next));
    }
    if (clock() >= ending(state.frames - 1)) {
      go((shown = state.frames - 1));
      return change({ playing: false });
    }
    requestAnimationFrame(tick);
  };
  tick();
}

onChange((changed) => {
  if (changed.has("playing") && !state.playing) {
    run += 1;
    sound.stop();
  } else if (state.playing && ["playing", "view", "audible"].some((key) => changed.has(key))) void begin();
});
