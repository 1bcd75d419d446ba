// What is wrong first, then what moves, then everything at one glance.

import { h } from "../dom.js";
import { ago, number, plural } from "../format.js";
import { judge, problems, serviceHref, underWay } from "../problems.js";
import { badge, meter, section } from "../parts/table.js";
import { progress } from "../parts/deployments.js";

const MOST_PROBLEMS = 12;
const MOST_DEPLOYMENTS = 12;
const MOST_CELLS = 2000;

export const title = () => "Overview";
export const cli = () => "aws ecs list-services --output table";
export const wants = () => ({ kinds: ["info", "cluster", "service", "host", "lb", "figures", "balancer"] });

export function draw(store, _, page) {
  const services = store.all("service").filter((each) => each.status !== "INACTIVE");
  return [
    h("h1", {}, "Overview"),
    gauges(store, services),
    wrong(store, page),
    moving(services),
    quay(services),
    clusters(store, services),
  ];
}

const sum = (things, of) => things.reduce((total, each) => total + (of(each) || 0), 0);

function gauge(name, value, note, level) {
  return h("div", { class: `gauge ${level || ""}` }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), h("span", {}, note)));
}

function gauges(store, services) {
  const hosts = store.all("host").filter((each) => each.status !== "INACTIVE");
  const figures = store.all("figures").map((each) => each.figures);
  const timed = figures.filter((each) => each.time !== undefined && each.requests > 0);
  const desired = sum(services, (each) => each.desired);
  const running = sum(services, (each) => each.running);
  const bad = services.filter((each) => judge(each)[0] === "bad").length;
  const gone = hosts.filter((each) => !each.connected).length;
  const errors = sum(figures, (each) => each.target5xx + each.own5xx);
  const requests = sum(figures, (each) => each.requests);
  const balancers = store.all("balancer");
  const newest = store.one("info", "")?.configuration;
  const behind = balancers.filter((each) => each.connected && each.acknowledged < newest).length;
  return h("dl", { class: "gauges" },
    gauge("Services", number(services.length, 0), bad ? `${bad} in trouble` : "all well", bad && "bad"),
    gauge("Tasks", `${number(running, 0)}/${number(desired, 0)}`, "running of desired", running < desired && "warn"),
    gauge("Hosts", `${hosts.length - gone}/${hosts.length}`, gone ? `${gone} away` : "connected", gone && "bad"),
    gauge("Balancers", `${balancers.filter((each) => each.connected).length}/${balancers.length}`,
      behind ? `${behind} not at the newest configuration` : balancers.length ? "at the newest configuration" : "none has connected", balancers.some((each) => !each.connected) && "bad"),
    gauge("Requests", number(requests), "per second"),
    gauge("5xx", number(errors), "per second", errors > 0 && "bad"),
    gauge("Response", timed.length ? `${number(sum(timed, (each) => each.time * each.requests) / sum(timed, (each) => each.requests))} ms` : "–",
      timed.length ? `mean, at most ${number(Math.max(...timed.map((each) => each.timeMost)))} ms` : "no traffic"));
}

function wrong(store, { memory, redraw }) {
  const found = problems(store);
  const shown = memory.all ? found : found.slice(0, MOST_PROBLEMS);
  if (!found.length) return section("Wrong now", h("p", { class: "fine" }, badge("ok", "Nothing is wrong.")));
  return section(`Wrong now (${found.length})`,
    h("ul", { class: "problems" }, shown.map((each) => h("li", { "data-key": each.title + each.text },
      h("a", { href: each.href }, badge(each.level, each.title)), h("span", {}, each.text), each.at && h("span", { class: "dim" }, ago(each.at))))),
    shown.length < found.length && h("p", { class: "more" }, h("button", { type: "button", onclick: () => { memory.all = true; redraw(); } }, `Show all ${found.length}`)));
}

function moving(services) {
  const found = services.filter(underWay);
  if (!found.length) return section("Deployments under way", h("p", { class: "empty" }, "None. A deployment shows here while it moves, step by step."));
  return section(`Deployments under way (${found.length})`,
    h("ul", { class: "moves" }, found.slice(0, MOST_DEPLOYMENTS).map((each) => h("li", { "data-key": each.id }, h("a", { href: serviceHref(each.id) }, each.name), progress(each)))));
}

// A cell a service. What it shows is in the table of services, so that it is one picture to screen readers.
function quay(services) {
  const cells = [...services].sort((a, b) => a.id.localeCompare(b.id)).slice(0, MOST_CELLS);
  if (!cells.length)
    return section("Services", h("p", { class: "empty" }, "No service yet. ", h("code", {}, "aws ecs create-service"), " makes one; scripts/quickstart shows how."));
  const counts = {};
  for (const each of cells) counts[judge(each)[0]] = (counts[judge(each)[0]] || 0) + 1;
  const text = Object.entries(counts).map(([level, count]) => `${count} ${level}`).join(", ");
  const few = cells.length <= 40;
  return section(h("a", { href: "#/services" }, "Services"),
    few ? h("ul", { class: "berths" }, cells.map(berth))
      : h("div", { class: "quay", role: "img", "aria-label": `${plural(cells.length, "service")}: ${text}`, onclick: (event) => { if (event.target.dataset.to) location.hash = event.target.dataset.to; } },
        cells.map((each) => {
          const [level, why] = judge(each);
          return h("span", { class: level, title: `${each.name}: ${each.running}/${each.desired}, ${why}`, "data-to": serviceHref(each.id).slice(1) });
        })),
    h("p", { class: "legend" }, ["ok", "moving", "warn", "bad"].filter((each) => counts[each]).map((each) => badge(each, `${counts[each]} ${{ ok: "steady", moving: "moving", warn: "look", bad: "in trouble" }[each]}`))));
}

function berth(service) {
  const [level, why] = judge(service);
  return h("li", { "data-key": service.id, class: level }, h("a", { href: serviceHref(service.id) }, h("b", {}, service.name), meter(service.running, service.desired, level), h("span", { class: "dim" }, why)));
}

function clusters(store, services) {
  const all = store.all("cluster").filter((each) => each.status === "ACTIVE");
  if (all.length < 2) return null;
  return section("Clusters", h("ul", { class: "plain" }, all.map((each) => h("li", {}, h("b", {}, each.name), ` ${plural(services.filter((one) => one.cluster === each.name).length, "service")}`))));
}
