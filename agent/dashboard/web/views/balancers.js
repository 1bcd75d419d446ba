// Load balancers as HAProxy's statistics page shows its proxies: what comes in, by which rule it goes where,
// and each target with its state.

import { h } from "../dom.js";
import { ago, bytes, number, shell } from "../format.js";
import { badge, matches, searchBox, section, some, table } from "../parts/table.js";
import { spark } from "../parts/charts.js";
import { targetTable } from "./service.js";

const PAGE = 50;

export const title = (name) => name || "Balancers";
export const cli = (name) => (name ? `aws elbv2 describe-load-balancers --names ${shell(name)}` : "aws elbv2 describe-load-balancers");

export const wants = (name) => (name ? { watched: [`lb:${name}`] } : { kinds: ["balancer", "lb", "figures", "info"] });

export function draw(store, name, page) {
  const all = store.all("lb");
  if (name && !all.length) return [h("h1", {}, name), h("p", { class: "empty" }, "There is no such load balancer (any more). ", h("a", { href: "#/balancers" }, "All load balancers"))];
  if (name) return detail(store, all[0]);
  return list(store, all, page);
}

function list(store, all, { memory, redraw }) {
  const found = all.filter((each) => matches(memory, each.name, each.type, each.listeners.map((one) => one.port).join(" "))).sort((a, b) => a.name.localeCompare(b.name));
  const [rows, more] = some(found, PAGE, memory, redraw);
  const figures = (id) => store.one("figures", id)?.figures || {};
  return [
    h("div", { class: "head" }, h("h1", {}, "Load balancers"), searchBox("Filter load balancers", memory, redraw)),
    processes(store),
    section("By name", table("Load balancers", [{ head: "Name" }, { head: "Listeners" }, { head: "Requests/s", number: true }, { head: "Two minutes" }, { head: "Target 4xx", number: true }, { head: "Target 5xx", number: true },
      { head: "Own 4xx", number: true }, { head: "Own 5xx", number: true }, { head: "Response ms", number: true }, { head: "Connections", number: true }, { head: "Bytes/s", number: true }],
    rows.map((each) => {
      const f = figures(each.id);
      return { key: each.id, cells: [h("a", { href: `#/balancers/${each.name}` }, each.name), each.listeners.map((one) => `${one.protocol} ${one.port}`).join(", ") || h("span", { class: "dim" }, "none"),
        number(f.requests), spark(f.line || [], "Requests", " a second"), number(f.target4xx), hot(f.target5xx), number(f.own4xx), hot(f.own5xx), number(f.time), number(f.connections, 0), f.bytes === undefined ? "–" : bytes(f.bytes)] };
    }), memory.search ? "No load balancer matches." : "No load balancer yet: aws elbv2 create-load-balancer makes one."), more),
  ];
}

const hot = (value) => (value > 0 ? h("b", { class: "bad" }, number(value)) : number(value));

function processes(store) {
  const all = store.all("balancer");
  const newest = store.one("info", "")?.configuration;
  return section("Processes", table("Balancer processes", [{ head: "Balancer" }, { head: "State" }, { head: "Configuration" }, { head: "Seen" }, { head: "Says" }],
    all.map((each) => ({ key: each.id, cells: [h("code", {}, each.id.slice(0, 8)), badge(each.connected ? "ok" : "bad", each.connected ? "connected" : "away"),
      each.acknowledged === newest ? "the newest" : h("b", { class: "bad" }, newest - each.acknowledged < 10000 ? `${newest - each.acknowledged} behind` : "an older run's"), each.connected ? "now" : ago(each.seen), each.refusal || ""] })),
    "No balancer has connected yet: start berth-balancer with this control's address and its balancer-token."));
}

function detail(store, one) {
  const f = store.one("figures", one.id)?.figures || {};
  const groups = store.one("groups", one.name)?.groups;
  return [
    h("div", { class: "head" }, h("h1", {}, one.name), h("span", { class: "dim" }, `${one.type}, ${one.scheme}, ${one.dns}`)),
    h("dl", { class: "gauges" }, [["Requests", number(f.requests), "per second"], ["Target 5xx", number(f.target5xx), "per second"], ["Own 4xx", number(f.own4xx), "per second"], ["Own 5xx", number(f.own5xx), "per second"],
      ["Response", f.time === undefined ? "–" : `${number(f.time)} ms`, f.timeMost === undefined ? "no traffic" : `at most ${number(f.timeMost)} ms`], ["Connections", number(f.connections, 0), `${number(f.newConnections)} new a second`]]
      .map(([name, value, note]) => h("div", { class: `gauge ${name.endsWith("5xx") && value !== "–" && value !== "0" ? "bad" : ""}` }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), h("span", {}, note))))),
    one.listeners.map((each) => listener(each)),
    !one.listeners.length && h("p", { class: "empty" }, "No listener: nothing comes in."),
    section("Target groups", groups ? groups.map(group) : h("p", { class: "empty" }, "Asking."), groups && !groups.length && h("p", { class: "empty" }, "No rule forwards to a target group.")),
  ];
}

function when(condition) {
  const name = condition.field === "header" ? `header ${condition.name}` : condition.field;
  return h("span", { class: "when" }, `${name} `, h("code", {}, condition.values.join(" or ")));
}

function then(action) {
  if (action.type === "redirect") return h("span", {}, `redirect ${action.status} to `, h("code", {}, action.to));
  if (action.type === "fixed-response") return `answer ${action.status}`;
  const whole = action.groups.reduce((sum, each) => sum + each.weight, 0);
  return h("span", {}, "forward to ", action.groups.map((each, index) => [index > 0 && ", ", h("b", {}, each.name), action.groups.length > 1 && h("span", { class: "weight" }, ` ${whole ? Math.round(each.weight * 1000 / whole) / 10 : 0} %`)]), action.sticky && ", sticky");
}

function listener(each) {
  const rows = [...each.rules.map((rule) => ({ key: String(rule.priority), cells: [rule.priority, rule.when.map((one, index) => [index > 0 && " and ", when(one)]), [rule.then.map(then), rule.rewrites && " (rewrites the request)"]] })),
    { key: "default", cells: ["otherwise", "", each.otherwise.map(then)] }];
  return section(`${each.protocol} ${each.port}`, table(`Rules of ${each.protocol} ${each.port}`, [{ head: "Priority" }, { head: "When" }, { head: "Then" }], rows));
}

function group(each) {
  const f = each.figures;
  return h("div", { class: "group", "data-key": each.name },
    h("h3", {}, each.name, h("span", { class: "dim" }, ` ${each.protocol}, targets by ${each.type}, check ${each.check} every ${each.interval / 1000} s`)),
    h("p", { class: "line" }, `${number(f.requests)} requests/s · 2xx ${number(f.target2xx)} · 3xx ${number(f.target3xx)} · 4xx ${number(f.target4xx)} · `, h("span", { class: f.target5xx > 0 && "bad" }, `5xx ${number(f.target5xx)}`),
      f.time === undefined ? "" : ` · ${number(f.time)} ms, at most ${number(f.timeMost)} ms`, " ", spark(f.line, "Requests", " a second")),
    targetTable(each));
}
