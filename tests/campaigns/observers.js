"use strict";
/* Simulated observers: node observers.js QUEST.JS COUNT SEED OCTAVES prints a JSON line for each kind of observer, and
   one for all. Their thresholds lie evenly within so many octaves of the model's. */
const { Quest, right, TRIALS, GUESS } = require(process.argv[2]);
const count = Number(process.argv[3]), seed = Number(process.argv[4]), range = Number(process.argv[5]);

let state = seed >>> 0;
const random = () => {  // mulberry32
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
/* The most that a trial can tell of the threshold in octaves, where slope and lapses are known. */
const information = (slope, lapse) => {
  let most = 0;
  for (let level = -3; level <= 3; level += 0.01) {
    const p = Math.min(right(level, 0, slope, lapse), 1 - 1e-9), d = (right(level + 1e-4, 0, slope, lapse) - right(level - 1e-4, 0, slope, lapse)) / 2e-4;
    most = Math.max(most, d * d / (p * (1 - p)));
  }
  return most;
};

const all = { observers: 0, bias: 0, square: 0, covered: 0 };
for (const slope of [2, 3.5]) for (const lapse of [0, 0.02]) {
  const bound = 1 / Math.sqrt(TRIALS * information(slope, lapse));
  const own = { observers: 0, bias: 0, square: 0, covered: 0 };
  for (let n = 0; n < count; n++) {
    const threshold = range * (2 * random() - 1);
    const quest = new Quest();
    for (let trial = 0; trial < TRIALS; trial++) {
      const level = quest.next();
      quest.update(level, random() < right(level, threshold, slope, lapse));
    }
    const found = quest.result(), error = found.octaves - threshold;
    for (const sums of [own, all]) {
      sums.observers += 1;
      sums.bias += error;
      sums.square += (error / bound) ** 2;
      sums.covered += found.low <= 2 ** threshold && 2 ** threshold <= found.high;
    }
  }
  say({ slope, lapse, bound }, own);
}
say({}, all);

function say(kind, sums) {
  const n = sums.observers;
  console.log(JSON.stringify({ ...kind, observers: n, bias: 2 ** (sums.bias / n) - 1,
    ratio: Math.sqrt(sums.square / n), covered: sums.covered / n }));
}
