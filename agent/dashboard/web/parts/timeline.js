// The ordering promise of a service's tasks: a new task is in service, then an old one leaves every balancer,
// is drained, and only then gets SIGTERM. A row a task, time from left to right; the table below says it in
// numbers.

import { h } from "../dom.js";
import { clock, moment, now, short, span } from "../format.js";
import { table } from "./table.js";

const MOST = 24;
const QUIET = 30000; // without a change: what comes after it is another change
const LONGEST = 30 * 60000;
const SHORTEST = 1000;
const TICKS = 8;

// From which time on a task is in which phase.
const PHASES = [
  ["created", "placed", "placed, handed to its agent"],
  ["pulling", "pull", "pulls its image"],
  ["pulled", "start", "containers start"],
  ["started", "check", "runs, not yet healthy in every balancer"],
  ["inService", "serve", "in service"],
  ["draining", "leave", "leaves the balancers"],
  ["acknowledged", "drain", "every balancer has acknowledged; open requests end"],
  ["stopping", "term", "SIGTERM sent"],
  ["stopped", "gone", "stopped"],
];

/** [{phase, text, from, to}] in order; of times that are not known the phase before lasts. */
export function phases(task, until) {
  const out = [];
  for (const [name, phase, text] of PHASES) {
    const from = name === "stopped" ? task.times.stopped : task.times[name];
    if (from === undefined) continue;
    if (phase === "check" && !task.targets.length && task.times.inService === undefined && task.times.draining === undefined) {
      out.push({ phase: "serve", text: "runs", from });
      continue;
    }
    out.push({ phase, text, from });
  }
  out.forEach((each, index) => { each.to = out[index + 1]?.from ?? (each.phase === "gone" ? each.from : until); });
  return out;
}

const end = (task) => task.times.stopped ?? Infinity;
const settled = (task) => task.times.stopped !== undefined || (task.status === "RUNNING" && task.desired === "RUNNING" && (!task.targets.length || task.times.inService !== undefined));

// The last change of the service: from its first step to its last one, or to now while it goes on.
function lastChange(tasks, begun) {
  const times = tasks.flatMap((task) => PHASES.map(([name]) => task.times[name])).filter((each) => each !== undefined).sort((a, b) => b - a);
  const last = times[0];
  let first = last;
  for (const each of times) {
    if (first - each > QUIET || last - each > LONGEST) break;
    first = each;
  }
  if (begun > first && begun <= last) first = begun; // of the deployment
  const moving = tasks.some((each) => !settled(each));
  return { first, last: moving ? now() : last, moving };
}

export function timeline(tasks, deployments) {
  const shown = [...tasks].sort((a, b) => b.times.created - a.times.created).slice(0, MOST);
  if (!shown.length) return h("p", { class: "empty" }, "No task yet: it shows here from its placement to its exit.");
  const { first, last, moving } = lastChange(shown, deployments[0]?.created ?? 0);
  const pad = Math.max(last - first, SHORTEST) * 0.06;
  const from = first - pad;
  const to = last + (moving ? 0 : pad * 2);
  const seen = shown.filter((each) => end(each) > from).sort((a, b) => a.times.created - b.times.created);
  const place = (time) => Math.max(0, Math.min(100, (time - from) * 100 / (to - from)));
  return h("div", {},
    h("p", {}, moving ? `Under way since ${moment(first)}, ${span(last - first)}.` : `The last change was at ${moment(first)} and took ${span(last - first)}.`),
    h("div", { class: "gantt", "aria-hidden": "true" },
      axis(from, to, place),
      seen.map((task) => h("div", { class: "lane", "data-key": task.id },
        h("a", { class: "who", tabindex: "-1", href: `#/task/${task.id}` }, short(task.id.split("/")[1]), h("span", { class: "dim" }, ` :${task.definition.split(":")[1]}`)),
        h("div", { class: "bar" }, phases(task, to).filter((each) => each.to > from || each.phase === "gone").map((each) =>
          h("span", { class: `phase ${each.phase}`, title: `${each.text}, ${clock(each.from)}${each.phase === "gone" ? "" : `, ${span(each.to - each.from)}`}`,
            style: { left: `${place(each.from)}%`, width: each.phase === "gone" ? "3px" : `${Math.max(0.25, place(each.to) - place(each.from))}%` } })))))),
    legend(),
    steps(seen));
}

function axis(from, to, place) {
  const step = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300].map((each) => each * 1000).find((each) => (to - from) / each <= TICKS) || 600000;
  const marks = [];
  for (let at = Math.ceil(from / step) * step; at < to - (to - from) * 0.03; at += step)
    marks.push(h("span", { style: { left: `${place(at)}%` } }, step < 1000 ? `${clock(at).slice(3)}.${String(at % 1000).padStart(3, "0").slice(0, 2)}` : clock(at)));
  return h("div", { class: "axis" }, h("div", { class: "bar" }, marks));
}

const legend = () => h("p", { class: "legend phases", "aria-hidden": "true" }, PHASES.filter(([, phase]) => phase !== "gone" && phase !== "placed").map(([, phase, text]) => h("span", {}, h("i", { class: `phase ${phase}` }), ` ${text}`)));

// "+0.4 s" after the step before.
function after(task, name, ...before) {
  const at = task.times[name];
  if (at === undefined) return h("span", { class: "dim" }, "–");
  const earlier = before.map((each) => task.times[each]).find((each) => each !== undefined);
  return [clock(at), earlier !== undefined && h("span", { class: "dim" }, ` +${span(at - earlier)}`)];
}

function steps(tasks) {
  return h("details", {}, h("summary", {}, "The same in numbers"),
    table("Steps of each task", ["Task", "Placed", "Runs", "In service", "Told to leave", "Acknowledged by all", "Drained, SIGTERM", "Exit"].map((head) => ({ head })),
      [...tasks].reverse().map((task) => ({
        key: task.id,
        cells: [
          h("a", { href: `#/task/${task.id}` }, short(task.id.split("/")[1])),
          clock(task.times.created),
          after(task, "started", "created"),
          after(task, "inService", "started"),
          after(task, "draining"),
          after(task, "acknowledged", "draining"),
          after(task, "stopping", "acknowledged", "draining"),
          after(task, "stopped", "stopping"),
        ],
      }))));
}
