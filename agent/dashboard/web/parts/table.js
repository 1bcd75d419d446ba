// Tables, badges and boxes that all views share.

import { h } from "../dom.js";
import { number } from "../format.js";

/** columns: [{head, number}], rows: [{key, cells}]; a wide one scrolls in itself. */
export function table(caption, columns, rows, none) {
  if (!rows.length) return h("p", { class: "empty" }, none || "None.");
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map((each) => h("th", { scope: "col", class: each.number && "number" }, each.head)))),
      h("tbody", {}, rows.map((row) => h("tr", { "data-key": row.key, class: row.class },
        row.cells.map((cell, at) => h(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : undefined, class: columns[at].number && "number" }, cell)))))));
}

/** The first `memory.shown` of many, and a button for more: a page never has thousands of rows. */
export function some(items, page, memory, redraw) {
  const shown = memory.shown || page;
  const more = items.length > shown && h("p", { class: "more" },
    h("button", { type: "button", onclick: () => { memory.shown = shown + page; redraw(); } }, `Show ${number(Math.min(page, items.length - shown), 0)} more`),
    ` of ${number(items.length - shown, 0)} that are not shown`);
  return [items.slice(0, shown), more];
}

export function searchBox(label, memory, redraw) {
  return h("label", { class: "search" }, h("span", {}, label),
    h("input", { type: "search", placeholder: "filter ( / )", "aria-label": label, oninput: (event) => { memory.search = event.target.value; memory.shown = undefined; redraw(); } }));
}

export const matches = (memory, ...texts) => {
  const wanted = (memory.search || "").toLowerCase().split(/\s+/).filter(Boolean);
  const text = texts.join(" ").toLowerCase();
  return wanted.every((each) => text.includes(each));
};

const SHAPES = { ok: "●", moving: "◐", warn: "▲", bad: "■", off: "○" };
/** A word with a shape and a colour; never the colour alone. */
export const badge = (level, text) => h("span", { class: `badge ${level}` }, h("span", { "aria-hidden": "true" }, SHAPES[level] || "●"), ` ${text}`);

export const section = (title, ...body) => h("section", {}, h("h2", {}, title), body);

/** Facts in a row: [["Desired", 3], ...] */
export const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter((each) => each && each[1] !== undefined && each[1] !== "")
  .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

/** How many of how many. */
export function meter(part, whole, level) {
  const share = whole > 0 ? Math.min(1, part / whole) : 0;
  return h("span", { class: `meter ${level || ""}` },
    h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "fill", style: { width: `${share * 100}%` } })),
    h("span", { class: "of" }, `${number(part, 0)}/${number(whole, 0)}`));
}
