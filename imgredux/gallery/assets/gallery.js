"use strict";
/* The page: tabs, chips, dividers, and the pictures of the tabs that need no shader. */

const GALLERY = (() => {
  const $ = id => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const state = { photos: [], photo: null, held: false, cache: new Map() };
  let noise = null;

  /* Chips: radio buttons of a fieldset. */
  const chips = (id, values, chosen, change) => {
    const box = $(id), before = box.querySelector("input:checked")?.value;
    const wanted = values.includes(before) ? before : chosen;
    all("label", box).forEach(one => one.remove());
    for (const value of values) {
      const label = document.createElement("label"), input = document.createElement("input"), text = document.createElement("span");
      Object.assign(input, { type: "radio", name: id, value, checked: value === wanted });
      text.textContent = value;
      label.append(input, text);
      box.append(label);
    }
    box.onchange = change;
  };
  const chosen = id => $(id).querySelector("input:checked")?.value;
  const cutOf = (tab, width) => Math.round(width * Number($(`${tab}-cut`).value) / 1000);
  const ORIGINAL = "original";
  const edge = (tab) => {
    const canvas = $(`${tab}-canvas`), cut = cutOf(tab, canvas.width) * parseFloat(canvas.style.width) / canvas.width;
    $(`${tab}-edge`).style.left = `${cut}px`;
    $(`${tab}-edge`).style.height = canvas.style.height;
  };
  const drag = (tab) => {  // the divider follows the pointer while it is down
    const canvas = $(`${tab}-canvas`);
    const move = (event) => {
      if (!event.buttons) return;
      const box = canvas.getBoundingClientRect();
      $(`${tab}-cut`).value = 1000 * (event.clientX - box.left) / box.width;
      draws[tab]();
    };
    canvas.addEventListener("pointerdown", move);
    canvas.addEventListener("pointermove", move);
  };

  /* Noise. */
  const mapOf = id => state.photo.maps.find(map => map.method === chosen(id));
  const side = (id) => {  // unit: of a map whose noise has the mean squared error of all others
    const map = state.held ? null : mapOf(id);
    return { method: map?.method, factor: state.factor * (map?.unit ?? 1) };
  };
  const drawNoise = () => {
    if (!noise?.photo || !state.photo?.maps.length) return;
    const mode = Number(chosen("noise-mode"));
    noise.draw({ a: side("noise-left"), b: side("noise-right"), cut: cutOf("noise", state.photo.width), mode });
    edge("noise");
    const facts = [];
    for (const one of ["left", "right"]) {
      const map = mapOf(`noise-${one}`);
      $(`noise-${one}`).title = map?.title ?? "";
      if (map?.facts) facts.push(`${map.method}: ${map.facts}`);
    }
    $("noise-facts").textContent = facts.join(" · ");
  };
  const knob = () => {
    state.factor = 2 ** Number($("knob").value);
    const mse = state.photo?.mse;
    $("factor-of").textContent = mse ? "MSE" : "JND ×";
    $("noise-about").firstChild.textContent = mse
      ? "Noise of the same mean squared error, shaped by each method's map: the better it hides, the better the map. "
      : "Noise as strong as a method says you cannot see. ";
    $("factor").textContent = mse ? (mse * state.factor ** 2).toPrecision(3) : state.factor.toFixed(2);
    drawNoise();
  };
  const point = async (event) => {
    const canvas = $("noise-canvas"), box = canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) * canvas.width / box.width);
    const y = Math.floor((event.clientY - box.top) * canvas.height / box.height);
    if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height) return;
    const lens = $("loupe").getContext("2d");
    lens.imageSmoothingEnabled = false;
    lens.drawImage(canvas, x - 10, y - 10, 20, 20, 0, 0, 160, 160);
    const map = mapOf(x < cutOf("noise", canvas.width) ? "noise-left" : "noise-right");
    const value = map ? await levelAt(map, x, y) : 0, factor = state.factor * (map?.unit ?? 1);
    $("pointer").textContent = map
      ? `${map.method} at ${x}, ${y}: ${value.toFixed(2)} grey levels, times ${factor.toFixed(2)} is ${(value * factor).toFixed(2)}`
      : `original at ${x}, ${y}`;
  };
  const levelAt = async (map, x, y) => {
    map.pixels ??= NOISE.load(map.image).then(image => {
      const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height);
    });
    const pixels = await map.pixels;
    return (pixels.data[4 * (y * pixels.width + x)] / 255) ** 2 * map.top;
  };

  /* Pictures on a canvas, left and right of the divider. */
  const picture = (source) => {
    if (!state.cache.has(source)) state.cache.set(source, NOISE.load(source));
    return state.cache.get(source);
  };
  const compare = async (tab, left, right) => {
    const [width, height] = state.photo.part.size, canvas = $(`${tab}-canvas`);
    const original = state.photo.part.original, difference = chosen(`${tab}-mode`) !== "image";
    const ticket = canvas.ticket = (canvas.ticket ?? 0) + 1;
    const [a, b, o] = await Promise.all([state.held ? original : left, state.held ? original : right, original].map(picture));
    if (canvas.ticket !== ticket) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const ratio = window.devicePixelRatio || 1, context = canvas.getContext("2d"), cut = cutOf(tab, width);
    canvas.style.width = `${width / ratio}px`;
    canvas.style.height = `${height / ratio}px`;
    edge(tab);
    canvas.style.filter = difference ? "brightness(6)" : "";
    context.globalCompositeOperation = "copy";
    context.drawImage(b, 0, 0);
    context.globalCompositeOperation = "source-over";
    if (cut > 0) context.drawImage(a, 0, 0, cut, height, 0, 0, cut, height);
    if (difference) {
      context.globalCompositeOperation = "difference";
      context.drawImage(o, 0, 0);
    }
  };

  const jpegOf = () => state.photo.jpegs.find(one => `${one.quality}` === chosen("jpegs-quality")) ?? state.photo.jpegs[0];
  const drawJpegs = () => {
    const jpeg = jpegOf();
    if (!jpeg) return;
    const known = { [ORIGINAL]: { image: state.photo.part.original }, JPEG: jpeg,
      ...Object.fromEntries(jpeg.restored.map(one => [one.method, one])) };
    const two = ["left", "right"].map(one => known[chosen(`jpegs-${one}`)] ?? jpeg);
    const said = one => one.psnr ? `${one.psnr.toFixed(2)} dB` : "the original";
    $("jpegs-facts").textContent = `JPEG: ${jpeg.bytes.toLocaleString("en")} bytes. Left: ${said(two[0])}. Right: ${said(two[1])} (PSNR).`;
    return compare("jpegs", two[0].image, two[1].image);
  };

  const drawBytes = () => {
    const files = state.photo.codecs.flatMap(one => one.files.map(file => file.bytes));
    if (!files.length) return;
    const [low, high] = [Math.min(...files), Math.max(...files)];
    const target = low * (high / low) ** (Number($("size").value) / 100);
    $("bytes-target").textContent = `${Math.round(target).toLocaleString("en")} bytes`;
    const near = name => {
      const codec = state.photo.codecs.find(one => one.method === name);
      return codec?.files.reduce((best, one) =>
        Math.abs(Math.log(one.bytes / target)) < Math.abs(Math.log(best.bytes / target)) ? one : best);
    };
    const two = ["left", "right"].map(one => near(chosen(`bytes-${one}`)));
    const pixels = state.photo.part.size[0] * state.photo.part.size[1];
    const said = (file, one) => file
      ? `${chosen(`bytes-${one}`)}: ${file.bytes.toLocaleString("en")} bytes, ${(8 * file.bytes / pixels).toFixed(2)} bits per pixel (${file.setting}${file.shown === "as it is" ? "" : `, ${file.shown}`})`
      : "the original";
    $("bytes-facts").textContent = `Left: ${said(two[0], "left")}. Right: ${said(two[1], "right")}.`;
    return compare("bytes", ...two.map(file => file?.image ?? state.photo.part.original));
  };

  const draws = { noise: drawNoise, jpegs: drawJpegs, bytes: drawBytes };
  const draw = () => draws[state.tab]?.();

  const hold = (held) => {
    if (state.held === held) return;
    state.held = held;
    all(".hold").forEach(one => one.setAttribute("aria-pressed", held));
    draw();
  };

  const open = (tab) => {
    state.tab = tab;
    for (const one of all("[role=tab]")) {
      const here = one.id === `tab-${tab}`;
      one.setAttribute("aria-selected", here);
      one.tabIndex = here ? 0 : -1;
      $(one.getAttribute("aria-controls")).hidden = !here;
    }
    draw();
  };

  const show = async (photo) => {
    state.photo = photo;
    state.cache.clear();
    $("problems").hidden = !photo.problems.length;
    $("problems").textContent = photo.problems.join(" · ");
    const methods = photo.maps.map(one => one.method);
    chips("noise-left", [ORIGINAL, ...methods], ORIGINAL, drawNoise);
    chips("noise-right", [ORIGINAL, ...methods], methods[0] ?? ORIGINAL, drawNoise);
    $("noise-mode").onchange = drawNoise;
    const restorers = photo.jpegs[0]?.restored.map(one => one.method) ?? [];
    chips("jpegs-quality", photo.jpegs.map(one => `${one.quality}`), `${photo.jpegs[0]?.quality}`, drawJpegs);
    chips("jpegs-left", [ORIGINAL, "JPEG", ...restorers], "JPEG", drawJpegs);
    chips("jpegs-right", [ORIGINAL, "JPEG", ...restorers], restorers[0] ?? ORIGINAL, drawJpegs);
    const codecs = photo.codecs.map(one => one.method);
    chips("bytes-left", [ORIGINAL, ...codecs], ORIGINAL, drawBytes);
    chips("bytes-right", [ORIGINAL, ...codecs], codecs[0] ?? ORIGINAL, drawBytes);
    for (const tab of ["jpegs", "bytes"]) chips(`${tab}-mode`, ["image", "difference × 6"], "image", draws[tab]);
    if (typeof EYES !== "undefined") EYES.take(photo);
    const there = { noise: photo.maps.length, jpegs: photo.jpegs.length, bytes: photo.codecs.length };
    for (const [tab, count] of Object.entries(there)) $(`tab-${tab}`).hidden = !count;
    if (there[state.tab] === 0) open(Object.keys(there).find(tab => there[tab]) ?? "noise");
    if (noise && photo.maps.length) {
      await noise.take(photo);
      noise.size(photo.width, photo.height);
    }
    knob();
    await draw();
    document.body.dataset.ready = photo.name;
  };

  const choose = (name) => {
    delete document.body.dataset.ready;
    const one = state.photos.find(photo => photo.name === name);
    if (one.data) return show(one.data);
    const script = document.createElement("script");
    script.src = one.script;
    script.onerror = () => { $("problems").hidden = false; $("problems").textContent = `${one.script} is missing.`; };
    document.body.append(script);
  };

  /** A photograph's script has come. */
  const photo = (data) => {
    state.photos.find(one => one.name === data.name).data = data;
    return show(data);
  };

  /** The index has come. */
  const start = ({ version, date, photos }) => {
    GALLERY.version = version;
    for (const [id, text] of Object.entries({ version, date })) if ($(id)) $(id).textContent = text;
    state.photos = photos;
    $("photo").replaceChildren(...photos.map(one => new Option(one.name, one.name)));
    try { noise = new NOISE.Noise($("noise-canvas")); } catch (error) {
      $("noise").prepend(Object.assign(document.createElement("p"), { className: "warning", textContent: error.message }));
      if ($("tab-eyes")) $("tab-eyes").disabled = true;
    }
    GALLERY.noise = noise;
    listen();
    if (typeof EYES !== "undefined") EYES.listen();
    open(all("[role=tab]").find(one => `#${one.getAttribute("aria-controls")}` === location.hash)?.getAttribute("aria-controls") ?? "noise");
    choose(photos[0].name);
  };

  const listen = () => {
    $("photo").addEventListener("change", () => choose($("photo").value));
    $("knob").addEventListener("input", knob);
    $("size").addEventListener("input", draw);
    all(".cut").forEach(one => one.addEventListener("input", draw));
    $("noise-canvas").addEventListener("pointermove", point);
    Object.keys(draws).forEach(drag);
    const tabs = all("[role=tab]");
    for (const tab of tabs) {
      tab.addEventListener("click", () => open(tab.getAttribute("aria-controls")));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const other = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
        other.focus();
        open(other.getAttribute("aria-controls"));
      });
    }
    for (const button of all(".hold")) {
      button.addEventListener("pointerdown", () => hold(true));
      for (const kind of ["pointerup", "pointerleave", "blur"]) button.addEventListener(kind, () => hold(false));
      button.addEventListener("keydown", event => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); hold(true); } });
      button.addEventListener("keyup", () => hold(false));
    }
    document.addEventListener("keydown", event => {
      if (event.key.toLowerCase() === "b" && !event.ctrlKey && !event.metaKey && state.tab !== "eyes") hold(true);
    });
    document.addEventListener("keyup", event => { if (event.key.toLowerCase() === "b") hold(false); });
    window.addEventListener("blur", () => hold(false));
  };

  return { start, photo, state };
})();
