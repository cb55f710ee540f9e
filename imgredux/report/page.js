/* Tables that sort, and methods that light up. */
{
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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
}
