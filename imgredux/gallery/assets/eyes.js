"use strict";
/* "Your eyes": a two-alternative forced choice, from the ruler to the file. Answers stay in the page. */

const EYES = (() => {
  const $ = id => document.getElementById(id);
  const cardMm = () => Number($("card-side").value);  // ISO/IEC 7810 ID-1
  const BLIND_DEGREES = 13.5;    // Li, Joo, Yeatman and Reinecke, Scientific Reports 10, 904, 2020
  const PATCH = 256, GAP = 48;   // pixels of the screen
  const CATCH = 4, CATCH_FACTOR = 12;  // trials that anyone sees who looks
  const BLANK_MS = 500, GRAY = 128;
  const PIXELS_A_SECOND = 90;

  const state = { photo: null, noise: null, session: null, current: null };
  const random = () => crypto.getRandomValues(new Uint32Array(1))[0] / 4294967296;
  const whole = (below) => Math.floor(random() * below);

  const ruler = () => {
    const ratio = window.devicePixelRatio || 1;
    const perMm = Number($("card").value) * ratio / cardMm();
    const distance = 10 * Number($("distance").value);
    return {
      pixels_per_mm: perMm,
      distance_mm: distance,
      ppd: 2 * distance * Math.tan(Math.PI / 360) * perMm,
      device_pixel_ratio: ratio,
      distance_by: state.blind ? "blind spot" : "typed",
    };
  };

  const show = (part) => ["start", "trial", "end"].forEach(one => { $(`eyes-${one}`).hidden = one !== part; });

  /** A photograph to ask about. */
  const take = (photo) => {
    state.photo = photo;
    const chosen = $("eyes-method").value;
    $("eyes-method").replaceChildren(...photo.maps.map(one => new Option(one.method, one.method)));
    if (photo.maps.some(one => one.method === chosen)) $("eyes-method").value = chosen;
    state.session = null;
    show("start");
  };

  const begin = async () => {
    const photo = state.photo, method = $("eyes-method").value;
    const room = Math.floor((document.documentElement.clientWidth * (window.devicePixelRatio || 1) - GAP) / 2) - 16;
    const patch = [photo.width, photo.height].map(side => Math.min(PATCH, side, Math.max(room, 64)));
    const catches = new Set();
    while (catches.size < CATCH) catches.add(2 + whole(QUEST.TRIALS + CATCH - 2));
    state.quest = new QUEST.Quest();
    state.session = {
      format: "imgredux-observer", version: 1, imgredux: GALLERY.version, date: new Date().toISOString(),
      method, photo: photo.name, sha256: photo.sha256,
      crop: [whole((photo.width - patch[0]) / 8 + 1) * 8, whole((photo.height - patch[1]) / 8 + 1) * 8, ...patch],
      signs_seed: photo.seed, viewing: ruler(), trials: [],
    };
    state.catches = catches;
    show("trial");
    state.noise ??= new NOISE.Noise($("eyes-canvas"));
    await state.noise.take(photo);
    state.noise.size(2 * patch[0] + GAP, patch[1]);
    next();
  };

  const next = async () => {
    const { session, quest } = state, number = session.trials.length;
    if (number === QUEST.TRIALS + CATCH) return finish();
    const caught = state.catches.has(number);
    state.current = {
      factor: caught ? CATCH_FACTOR : 2 ** quest.next(), side: whole(2) ? "left" : "right", catch: caught,
      shift: [whole(state.photo.width), whole(state.photo.height)], seed: whole(2 ** 31), ready: false,
    };
    $("eyes-count").textContent = `${number + 1} of ${QUEST.TRIALS + CATCH}`;
    state.noise.blank(GRAY);
    await new Promise(done => setTimeout(done, state.quick ? 0 : BLANK_MS));
    if (state.session !== session) return;
    draw();
    state.current.ready = true;
    state.current.shown = performance.now();
  };

  /** One trial: fixed until it is answered. */
  const draw = () => {
    const { session, current } = state, [x, y, w, h] = session.crop;
    ["left", "right"].forEach((side, n) => {
      const one = { method: side === current.side ? session.method : null, factor: current.factor };
      state.noise.draw({ a: one, b: one, place: [n * (w + GAP), 0], origin: [x, y], size: [w, h], shift: current.shift, seed: current.seed });
    });
  };

  const answer = (side) => {
    const { session, current, quest } = state;
    if (!current?.ready || $("eyes-trial").hidden) return;
    const correct = side === current.side;
    session.trials.push({
      factor: current.factor, side: current.side, answer: side, correct, catch: current.catch,
      shift: current.shift, seconds: Number(((performance.now() - current.shown) / 1000).toFixed(3)),
    });
    if (!current.catch) quest.update(Math.log2(current.factor), correct);
    state.current = null;
    next();
  };

  const finish = () => {
    const { session, quest } = state, found = quest.result();
    const missed = session.trials.filter(one => one.catch && !one.correct).length;
    session.result = { threshold: found.threshold, low: found.low, high: found.high, catch_missed: missed };
    const text = n => n.toFixed(2);
    $("eyes-result").textContent = `Your threshold: ${text(found.threshold)} times the map of ${session.method}`;
    $("eyes-about").textContent =
      `It lies between ${text(found.low)} and ${text(found.high)} with a chance of 95 %. The model says 1: ` +
      (found.low > 1 ? "you see less than it thinks." : found.high < 1 ? "you see more than it thinks." : "your answers do not speak against it.") +
      ` At ${session.viewing.ppd.toFixed(0)} pixels per degree.` +
      (missed > 1 ? ` ${missed} of ${CATCH} trials that are easy were answered wrongly: do not trust this result.` : "");
    scale(found);
    $("eyes-json").textContent = JSON.stringify(session, null, 1);
    show("end");
    $("eyes-result").focus();
  };

  const scale = (found) => {
    const at = factor => `${Math.max(0, Math.min(100, 100 * (Math.log2(factor) + 3.5) / 7))}%`;
    const mark = (kind, left, text) => Object.assign(document.createElement("i"), { className: kind, textContent: text, style: `left:${left}` });
    const interval = mark("interval", at(found.low), "");
    interval.style.width = `calc(${at(found.high)} - ${at(found.low)})`;
    $("eyes-scale").replaceChildren(interval, mark("model", at(1), "model 1"), mark("you", at(found.threshold), `you ${found.threshold.toFixed(2)}`));
    $("eyes-scale").setAttribute("aria-label", `Model 1, you ${found.threshold.toFixed(2)}`);
  };

  const save = () => {
    const { session } = state, link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(session, null, 1)], { type: "application/json" }));
    link.download = `${session.photo}.${session.method}.${session.date.replace(/\D/g, "").slice(0, 14)}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  /* The blind spot: how far from the square the dot vanishes, at a known angle. */
  const blind = { found: [], running: null };
  const dotTo = () => {
    const width = $("blind").clientWidth, start = performance.now();
    $("dot").style.visibility = "visible";
    $("blind-start").textContent = "It is gone (Space)";
    blind.running = { at: 0, frame: 0 };
    const move = (now) => {
      blind.running.at = PIXELS_A_SECOND * (now - start) / 1000;
      $("dot").style.left = `${width - 64 - blind.running.at}px`;
      if (blind.running.at < width - 64) blind.running.frame = requestAnimationFrame(move);
      else stopped(false);
    };
    blind.running.frame = requestAnimationFrame(move);
  };
  const stopped = (seen) => {
    cancelAnimationFrame(blind.running.frame);
    if (seen) blind.found.push(blind.running.at + 38);  // between the middles of square and dot
    blind.running = null;
    $("dot").style.visibility = "hidden";
    $("blind-start").textContent = "Start the dot";
    $("blind-found").textContent = `${blind.found.length} of 3`;
    if (blind.found.length < 3) return;
    const mean = blind.found.reduce((sum, one) => sum + one, 0) / blind.found.length;
    const mm = mean * cardMm() / Number($("card").value) / Math.tan(BLIND_DEGREES * Math.PI / 180);
    $("distance").value = Math.round(mm / 10);
    $("blind-found").textContent = `${Math.round(mm / 10)} cm`;
    blind.found = [];
    state.blind = true;
  };

  const listen = () => {
    $("card").addEventListener("input", () => { $("card-bar").style.width = `${$("card").value}px`; });
    $("card-bar").style.width = `${$("card").value}px`;
    $("distance").addEventListener("input", () => { state.blind = false; });
    $("consent").addEventListener("change", () => { $("begin").disabled = !$("consent").checked; });
    $("begin").addEventListener("click", begin);
    $("answer-left").addEventListener("click", () => answer("left"));
    $("answer-right").addEventListener("click", () => answer("right"));
    for (const id of ["stop", "again"]) $(id).addEventListener("click", () => { state.session = null; show("start"); });
    $("save").addEventListener("click", save);
    $("blind-start").addEventListener("click", () => blind.running ? stopped(true) : dotTo());
    document.addEventListener("keydown", (event) => {
      if ($("eyes").hidden || $("eyes-trial").hidden) return;
      const side = { ArrowLeft: "left", ArrowRight: "right" }[event.key];
      if (side) { event.preventDefault(); answer(side); }
    });
  };

  return { state, take, listen };
})();
