"use strict";
// The slider moves where the new file begins; the button and the key B show the original while they are held.
const every = (selector, root = document) => [...root.querySelectorAll(selector)];
const blink = (compare, original) =>
  compare.querySelector(".over").style.setProperty("visibility", original ? "hidden" : "visible");
for (const compare of every(".compare")) {
  const slider = compare.querySelector(".slider"), button = compare.querySelector(".blink");
  slider.querySelector("input").addEventListener("input", event =>
    slider.style.setProperty("--cut", `${event.target.value}%`));
  button.addEventListener("pointerdown", () => blink(compare, true));
  for (const end of ["pointerup", "pointerleave"]) button.addEventListener(end, () => blink(compare, false));
}
let held = false;
addEventListener("keydown", event => {
  if (event.key.toLowerCase() !== "b" || held) return;
  held = true;
  every(".compare").forEach(compare => {
    compare.querySelector(".slider").style.setProperty("--cut", "0%");
    blink(compare, true);
  });
});
addEventListener("keyup", event => {
  if (event.key.toLowerCase() !== "b") return;
  held = false;
  every(".compare").forEach(compare => blink(compare, false));
});
