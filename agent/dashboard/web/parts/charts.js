// A line without axes; its text says what it shows.

import { h, s } from "../dom.js";
import { number } from "../format.js";

const WIDTH = 120;
const HEIGHT = 24;

export function spark(values, label, unit) {
  const known = values.filter((each) => each !== null);
  if (!known.length) return h("span", { class: "dim" }, "no figures");
  const most = Math.max(...known, 0.001);
  const at = (value, index) => `${(index * WIDTH / (values.length - 1)).toFixed(1)},${(HEIGHT - 2 - value / most * (HEIGHT - 4)).toFixed(1)}`;
  const points = values.map((value, index) => (value === null ? null : at(value, index))).filter(Boolean).join(" ");
  return s("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${label}: at most ${number(most)}${unit} in two minutes` },
    s("polyline", { points }));
}
