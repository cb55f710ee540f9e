"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = getComputedStyle(root).colorScheme === "dark" ||
    (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
});

// A click on a heading sorts by its column, best first; a second click turns the order round.
for (const table of all("table.sortable")) {
  const head = [...table.tHead.rows[0].cells];
  const last = head.findIndex((cell, i) => i > 0 && cell.rowSpan === 2);
  const columns = [head[0], ...table.tHead.rows[1].cells, ...(last < 0 ? [] : head.slice(last))];
  columns.forEach((heading, place) => heading.querySelector("button").addEventListener("click", () => {
    const first = heading.dataset.up !== undefined || heading.dataset.text !== undefined ? "ascending" : "descending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = heading.ariaSort === first ? other : first;
    columns.forEach(one => one.removeAttribute("aria-sort"));
    heading.ariaSort = order;
    const sign = order === "ascending" ? 1 : -1;
    const value = row => heading.dataset.text !== undefined ? row.cells[place].innerText
      : parseFloat(row.cells[place].dataset.sort ?? row.cells[place].innerText);
    const compare = (a, b) => typeof a === "string" ? sign * a.localeCompare(b)
      : isNaN(a) - isNaN(b) || sign * (a - b);
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => compare(value(a), value(b))));
  }));
}

// Pointing at a method shows it in the tables and plots of its section.
for (const section of all(".protocol")) {
  const mark = name => all("[data-method]", section).forEach(one => {
    one.classList.toggle("lit", one.dataset.method === name);
    one.classList.toggle("dim", Boolean(name) && one.matches("g") && one.dataset.method !== name);
  });
  section.addEventListener("pointerover", event => mark(event.target.closest("[data-method]")?.dataset.method));
  section.addEventListener("pointerleave", () => mark());
}

for (const sheet of all(".sheet")) {
  const chosen = name => sheet.querySelector(`input[name^=${name}]:checked`)?.value;
  const contact = sheet.querySelector(".contact");
  const fill = () => {
    if (!contact.open) return;
    const view = sheet.querySelector(`.view[data-view="${chosen("view")}"]`);
    contact.querySelector("div").replaceChildren(...all(".slider img", view).map(image => {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption"), copy = new Image();
      Object.assign(copy, { src: image.src, alt: image.alt });
      copy.className = view.classList.contains("exact") ? "exact" : "";
      caption.textContent = image.dataset.method ?? "original";
      figure.append(copy, caption);
      return figure;
    }));
  };
  const show = () => {
    all(".stage [data-method]", sheet).forEach(one => { one.hidden = one.dataset.method !== chosen("method"); });
    all(".view", sheet).forEach(one => { one.hidden = one.dataset.view !== chosen("view"); });
    fill();
  };
  if (!contact) continue;
  all("input[type=radio]", sheet).forEach(input => input.addEventListener("change", show));
  all("input[type=range]", sheet).forEach(input => input.addEventListener("input", () =>
    all(".slider", sheet).forEach(one => one.style.setProperty("--cut", `${input.value}%`))));
  contact.addEventListener("toggle", fill);
  show();
}
