// Playback: the pictures follow the sound. A machine that is too slow shows fewer of them, never late ones.

import { prepare } from "./picture.js";
import { tell } from "./messages.js";
import { ending, frameAt } from "./moments.js";
import * as sound from "./sound.js";
import { change, go, onChange, state } from "./state.js";
import { say } from "./strings.js";

const AT_ONCE = 4;
const AHEAD = 10;

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
  let [asked, flying, takes] = [shown, 0, 0.03];
  const ask = () => {
    const now = clock();
    while (flying < AT_ONCE && asked + 1 < state.frames && asked < frameAt(now) + AHEAD) {
      const index = Math.min((asked = Math.max(asked + 1, frameAt(now + takes))), state.frames - 1);
      const began = performance.now();
      flying += 1;
      prepare(index).then(() => ready.add(index), () => {}).finally(() => {
        flying -= 1;
        takes += 0.2 * ((performance.now() - began) / 1000 - takes);
        if (mine === run) ask();
      });
    }
  };
  const tick = () => {
    if (mine !== run) return;
    if (state.index !== shown) return void begin(); // somebody went elsewhere
    ask();
    const due = frameAt(clock());
    const next = Math.max(-1, ...[...ready].filter((index) => index <= due));
    for (const index of ready) if (index <= next) ready.delete(index);
    if (next > shown) go((shown = next));
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
