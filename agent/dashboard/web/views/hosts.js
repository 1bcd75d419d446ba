// Hosts as a map: what of their CPU and memory is reserved, and by which tasks.

import { h } from "../dom.js";
import { ago, cpus, mebibytes, number, plural } from "../format.js";
import { badge, matches, searchBox, some } from "../parts/table.js";
import { serviceHref } from "../problems.js";

const PAGE = 60;
const HUES = 12;

export const title = () => "Hosts";
export const cli = () => "aws ecs describe-container-instances --container-instances $(aws ecs list-container-instances --query 'containerInstanceArns[]' --output text)";
export const wants = () => ({ kinds: ["host", "block"] });

// The same service has the same colour on every host.
let hues = new Map();
const paint = (blocks) => { hues = new Map([...new Set(blocks.map((each) => each.name))].sort().map((name, index) => [name, index % HUES])); };
const hue = (name) => hues.get(name);

const level = (host) => (host.status === "INACTIVE" ? "off" : !host.connected ? "bad" : host.status === "DRAINING" ? "warn" : "ok");
const state = (host) => (host.status === "INACTIVE" ? "deregistered" : !host.connected ? "agent away" : host.status === "DRAINING" ? "draining" : "connected");

export function draw(store, _, { memory, redraw }) {
  const blocks = new Map();
  paint(store.all("block"));
  for (const block of store.all("block")) {
    if (!blocks.has(block.host)) blocks.set(block.host, []);
    blocks.get(block.host).push(block);
  }
  const order = { bad: 0, warn: 1, ok: 2, off: 3 };
  const found = store.all("host").filter((host) => matches(memory, host.id, host.instance, host.address, host.zone || "", state(host), ...(blocks.get(host.id) || []).map((each) => each.name)))
    .sort((a, b) => order[level(a)] - order[level(b)] || a.id.localeCompare(b.id));
  const live = found.filter((each) => each.status !== "INACTIVE");
  const total = (of) => live.reduce((sum, each) => sum + each[of], 0);
  const [shown, more] = some(found, PAGE, memory, redraw);
  return [
    h("div", { class: "head" }, h("h1", {}, "Hosts"), searchBox("Filter hosts by name, zone or service", memory, redraw)),
    live.length > 0 && h("p", {}, `${plural(live.length, "host")}: ${number(total("usedCpu") / 1024)} of ${cpus(total("cpu"))} and ${mebibytes(total("usedMemory"))} of ${mebibytes(total("memory"))} are reserved by ${plural(total("running") + total("pending"), "task")}.`),
    found.length ? h("div", { class: "hosts" }, shown.map((host) => card(host, blocks.get(host.id) || [])))
      : h("p", { class: "empty" }, memory.search ? "No host matches." : "No host has joined: start berth-agent with the role node, and this control's node-credentials."),
    more,
  ];
}

function card(host, blocks) {
  blocks.sort((a, b) => b.memory - a.memory || a.id.localeCompare(b.id));
  return h("article", { class: `host ${level(host)}`, "data-key": host.id },
    h("header", {}, h("h2", {}, host.instance || host.id.split("/")[1]), badge(level(host), state(host))),
    h("p", { class: "dim" }, [host.address, host.zone, host.architecture, host.provider, host.cluster !== "default" && host.cluster, host.engine && `engine ${host.engine.replace(/^DockerVersion: /, "")}`].filter(Boolean).join(" · ")),
    row("CPU", host.usedCpu, host.cpu, blocks, "cpu", cpus),
    row("Memory", host.usedMemory, host.memory, blocks, "memory", mebibytes),
    h("p", { class: "dim" }, `${plural(host.running, "task")}${host.pending ? `, ${host.pending} starting` : ""}, joined ${ago(host.registered)}`, host.reason && ` · ${host.reason}`),
    blocks.length > 0 && legend(blocks));
}

function row(name, used, whole, blocks, of, words) {
  return h("div", { class: "stack" },
    h("span", { class: "name" }, name, " ", h("b", {}, `${whole ? Math.round(used * 100 / whole) : 0} %`)),
    h("div", { class: "blocks", "aria-hidden": "true" }, blocks.filter((each) => each[of] > 0).map((each) =>
      h("a", { tabindex: "-1", "data-key": each.id, href: `#/task/${each.id}`, class: `block hue${hue(each.name)} ${each.status === "RUNNING" ? "" : "starting"}`, title: `${each.name}: ${words(each[of])}, ${each.status.toLowerCase()}`,
        style: { width: `${Math.min(100, each[of] * 100 / whole)}%` } }))),
    h("span", { class: "of" }, `${words(used)} of ${words(whole)}`));
}

function legend(blocks) {
  const names = new Map();
  for (const each of blocks) names.set(each.name, [...(names.get(each.name) || []), each]);
  const all = [...names].sort((a, b) => b[1].length - a[1].length);
  return h("ul", { class: "who" }, all.slice(0, 8).map(([name, of]) => h("li", {}, h("i", { class: `hue${hue(name)}`, "aria-hidden": "true" }), " ",
    of[0].service ? h("a", { href: serviceHref(`${of[0].id.split("/")[0]}/${name}`) }, name) : h("a", { href: `#/task/${of[0].id}` }, name), of.length > 1 && ` × ${of.length}`)),
  all.length > 8 && h("li", { class: "dim" }, `and ${all.length - 8} more`));
}
