"use strict";
/* A two-alternative forced choice that looks for a threshold: ZEST (P. E. King-Smith et al., Vision Res. 34, 885-912,
   1994) with slope and lapses among what is not known, as in QUEST+ (A. B. Watson, J. Vision 17(3):10, 2017).

   It asks near the mean of what is believed of the threshold: the answer there depends least on slope and lapses. The
   level that tells most lies higher, and would take an unknown slope for a threshold: tried, its bias was 4 to 7 %.
   Levels and thresholds are in octaves: log2 of a factor on the map. */

const QUEST = (() => {
  const span = (from, to, step) =>
    Array.from({ length: Math.round((to - from) / step) + 1 }, (_, n) => from + n * step);
  const THRESHOLDS = span(-3.5, 3.5, 0.1);  // a factor of 0.09 to 11
  const LOWEST = -4, HIGHEST = 3.5;
  const ABOVE = 0.1;
  const SLOPES = [1.75, 2, 2.5, 3, 3.5, 4];
  const LAPSES = [0, 0.01, 0.02];
  const GUESS = 0.5;
  const TRIALS = 40;

  /** The chance of a right answer: Weibull in the factor; at the threshold 1 - 0.5 / e without lapses, 82 %. */
  const right = (level, threshold, slope, lapse) =>
    GUESS + (1 - GUESS - lapse) * (1 - Math.exp(-(2 ** (slope * (level - threshold)))));

  // The chances depend on level - threshold alone: one table serves all levels.
  const nuisances = SLOPES.flatMap(slope => LAPSES.map(lapse => [slope, lapse]));
  const table = new Map();
  const chances = (level) => {
    const key = level.toFixed(3);
    if (!table.has(key)) {
      const made = new Float64Array(THRESHOLDS.length * nuisances.length);
      THRESHOLDS.forEach((threshold, t) => nuisances.forEach(([slope, lapse], n) => {
        made[t * nuisances.length + n] = right(level, threshold, slope, lapse);
      }));
      table.set(key, made);
    }
    return table.get(key);
  };

  class Quest {
    constructor() {
      // A bell on the threshold, an octave wide: most models are right within a factor of two.
      const prior = THRESHOLDS.map(t => Math.exp(-0.5 * t ** 2));
      this.posterior = new Float64Array(THRESHOLDS.length * nuisances.length);
      prior.forEach((w, t) => nuisances.forEach((_, n) => { this.posterior[t * nuisances.length + n] = w; }));
      this.normalize();
      this.answers = [];
    }

    normalize() {
      let total = 0;
      for (const w of this.posterior) total += w;
      for (let i = 0; i < this.posterior.length; i++) this.posterior[i] /= total;
    }

    /** The level to ask at next: a little above where the threshold is thought to be. */
    next() {
      return Math.max(LOWEST, Math.min(HIGHEST, Math.round((this.marginal().mean + ABOVE) * 20) / 20));
    }

    /** What is believed of the threshold: a weight for each, and their mean. */
    marginal() {
      const width = nuisances.length;
      const weights = THRESHOLDS.map((_, t) => {
        let sum = 0;
        for (let i = t * width; i < (t + 1) * width; i++) sum += this.posterior[i];
        return sum;
      });
      return { weights, mean: weights.reduce((sum, w, t) => sum + w * THRESHOLDS[t], 0) };
    }

    /** Take in an answer at a level. */
    update(level, correct) {
      const p = chances(level);
      for (let i = 0; i < this.posterior.length; i++) this.posterior[i] *= correct ? p[i] : 1 - p[i];
      this.normalize();
      this.answers.push({ level, correct });
    }

    /** The threshold as a factor on the map, and the interval that holds it with a chance of 95 %. */
    result() {
      const { weights: marginal, mean } = this.marginal();
      const at = (share) => {  // between the grid's points, as if each weight were spread over its cell
        let sum = 0;
        for (let t = 0; t < marginal.length; t++) {
          if (sum + marginal[t] >= share) return THRESHOLDS[t] + 0.1 * ((share - sum) / marginal[t] - 0.5);
          sum += marginal[t];
        }
        return THRESHOLDS[THRESHOLDS.length - 1];
      };
      return { threshold: 2 ** mean, low: 2 ** at(0.025), high: 2 ** at(0.975), octaves: mean };
    }
  }

  return { Quest, right, TRIALS, GUESS };
})();

if (typeof module !== "undefined") module.exports = QUEST;
