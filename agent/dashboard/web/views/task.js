// The story of a task, from its placement to its exit.

import { h } from "../dom.js";
import { clock, cpus, date, mebibytes, moment, plural, shell, short, span, words } from "../format.js";
import { badge, facts, section, table } from "../parts/table.js";
import { serviceHref } from "../problems.js";
import { taskLevel } from "./service.js";
import * as services from "./services.js";

export const under = services;
const parts = (id) => id.split("/");
export const title = (id) => `Task ${short(parts(id)[1])}`;
export const cli = (id) => `aws ecs describe-tasks --cluster ${shell(parts(id)[0])} --tasks ${shell(parts(id)[1] || "")}`;
export const wants = (id) => ({ kinds: ["host", "balancer"], watched: [`task:${id}`] });

export function draw(store, id) {
  const task = store.one("task", id);
  if (!task) return [h("h1", {}, "Task"), h("p", { class: "empty" }, "There is no such task (any more). ", h("a", { href: "#/services" }, "All services"))];
  const host = store.one("host", `${task.cluster}/${task.host}`);
  return [
    h("div", { class: "head" }, h("h1", {}, "Task ", h("code", {}, parts(id)[1])), badge(taskLevel(task), words(task.status))),
    facts([["Service", task.service && h("a", { href: serviceHref(`${task.cluster}/${task.service}`) }, task.service)], ["Group", !task.service && task.group], ["Revision", task.definition],
      ["Reserved", `${cpus(task.cpu)}, ${mebibytes(task.memory)}`], ["Host", host ? h("a", { href: "#/hosts" }, `${host.instance} (${host.address})`) : task.host && short(task.host)],
      ["Started by", task.startedBy], ["Health", task.health !== "UNKNOWN" && words(task.health)], ["Protected until", task.times.protectedUntil && moment(task.times.protectedUntil)]]),
    task.stopReason && h("p", { class: "problem" }, badge(taskLevel(task), task.stopCode), ` ${task.stopReason}`),
    section("Its story", story(store, task, host)),
    section("Containers", containers(task)),
    task.targets.length > 0 && section("Registered in", table("Registrations", [{ head: "Target group" }, { head: "Address" }], task.targets.map((each) => ({ key: each.group, cells: [each.group, h("code", {}, `${each.at}:${each.port}`)] })))),
    h("p", { class: "dim" }, "Environment and secrets are not shown here. Logs: ", h("code", {}, "aws logs tail"), " for definitions with the awslogs driver."),
  ];
}

function story(store, task, host) {
  const balancers = store.all("balancer").length;
  const t = task.times;
  const steps = [
    [t.created, "Placed", host ? `on ${host.instance}, with ${cpus(task.cpu)} and ${mebibytes(task.memory)}` : "on a host that is gone"],
    [t.pulling, "Pulls", task.containers.map((each) => each.image).join(", ")],
    [t.pulled, "Pulled", "the containers are made and started"],
    [t.started, "Runs", task.targets.length || t.inService || t.draining ? "registered in its target groups" : "no target group wants it"],
    [t.inService, "In service", "healthy in every balancer for the first time: requests come"],
    [t.draining, "Told to leave", task.stopReason || "its targets drain: no balancer that knows gives it new requests"],
    [t.acknowledged, "Out of the balancers", `${balancers ? `each of ${plural(balancers, "balancer")}` : "every balancer"} has acknowledged it`],
    [t.stopping, t.draining ? "Drained, SIGTERM" : "SIGTERM", t.draining ? "its open requests have ended; its agent is told to stop it" : "its agent is told to stop it"],
    [t.ended, "Containers ended", task.containers.filter((each) => each.exit !== undefined).map((each) => `${each.name} with exit code ${each.exit}`).join(", ")],
    [t.stopped, "Stopped", task.stopReason || ""],
  ].filter(([at]) => at !== undefined).sort(([a], [b]) => a - b);
  const wait = waits(task);
  return h("ol", { class: "story" },
    steps.map(([at, what, more], index) => h("li", { "data-key": what },
      h("time", { title: date(at) }, clock(at)), h("span", { class: "gap" }, index ? `+${span(at - steps[index - 1][0])}` : ""), h("b", {}, what), h("span", {}, more))),
    wait && h("li", { class: "now" }, h("time", {}, "now"), h("span", { class: "gap" }), h("b", {}, "Waits"), h("span", {}, wait)));
}

function waits(task) {
  const t = task.times;
  if (t.stopped) return "";
  if (t.stopping) return "for its containers to end; SIGKILL follows after their stopTimeout";
  if (t.acknowledged) return "for its open requests to end";
  if (t.draining) return "for every balancer to acknowledge that it is out";
  if (t.started) return task.targets.length && !t.inService ? "for its first passed health check in every balancer" : "";
  if (t.pulling && !t.pulled) return "for its image";
  return "for its agent to report its containers";
}

function containers(task) {
  return table("Containers", [{ head: "Container" }, { head: "State" }, { head: "Exit", number: true }, { head: "Health" }, { head: "Image" }, { head: "Ports" }, { head: "Limits" }, { head: "Reason" }],
    task.containers.map((each) => ({
      key: each.name,
      cells: [
        [each.name, !each.essential && h("span", { class: "dim" }, " not essential")],
        badge(each.status === "RUNNING" ? "ok" : each.status === "STOPPED" ? (each.exit ? "bad" : "off") : "moving", words(each.status)),
        each.exit ?? "–", each.health === "UNKNOWN" ? "–" : words(each.health),
        h("code", { title: each.digest }, each.image),
        each.ports.map((port) => `${port.host}→${port.container}/${port.protocol}`).join(", ") || "–",
        [each.cpu > 0 && cpus(each.cpu), each.memory && mebibytes(each.memory), each.reservation && `${mebibytes(each.reservation)} soft`].filter(Boolean).join(", ") || "–",
        each.reason || "",
      ],
    })));
}
