// One service: what moves, in which order, and why.

import { h } from "../dom.js";
import { ago, eventText, moment, number, plural, shell, short, span, words } from "../format.js";
import { judge } from "../problems.js";
import { deploymentCards, pastBadge } from "../parts/deployments.js";
import { spark } from "../parts/charts.js";
import { badge, facts, section, some, table } from "../parts/table.js";
import { timeline } from "../parts/timeline.js";
import * as services from "./services.js";

const TASKS = 40;
export const under = services;

const parts = (id) => [id.slice(0, id.indexOf("/")), id.slice(id.indexOf("/") + 1)];
export const title = (id) => parts(id)[1];
export const cli = (id) => `aws ecs describe-services --cluster ${shell(parts(id)[0])} --services ${shell(parts(id)[1])}`;
export const wants = (id) => ({ kinds: ["balancer"], watched: [`service:${id}`] });

export function draw(store, id, page) {
  const service = store.one("service", id);
  if (!service) return [h("h1", {}, parts(id)[1]), h("p", { class: "empty" }, "There is no such service (any more). ", h("a", { href: "#/services" }, "All services"))];
  const [level, why] = judge(service);
  const tasks = store.all("task");
  const behind = service.groups.length > 0;
  return [
    h("div", { class: "head" }, h("h1", {}, service.name), badge(level, why)),
    facts([["Cluster", service.cluster], ["Running", `${service.running} of ${service.desired}`], service.pending && ["Starting", service.pending],
      ["Revision", service.definition], ["Strategy", words(service.strategy)], ["Healthy", `${service.minimum} to ${service.maximum} %`],
      ["Circuit breaker", service.breaker ? "on" : "off"], ["Scheduling", words(service.scheduling)], ["Behind", service.groups.join(", ")],
      service.nextStart && service.failedStarts > 0 && ["Next start", moment(service.nextStart)]]),
    service.unplaced && h("p", { class: "problem", role: "alert" }, badge("bad", "Not placed"), ` ${service.unplaced.reason} ${service.unplaced.detail || ""}`),
    section("Deployments", deploymentCards(service)),
    section(behind ? "Healthy first, then out, then SIGTERM" : "Tasks over time", promise(store, behind), timeline(tasks, service.deployments)),
    section("Tasks", taskTable(tasks, page)),
    behind && section("Targets", targets(store.one("health", id))),
    section("Scaling", scaling(service, store.one("scaling", id))),
    section("Past deployments", past(store.one("history", id))),
    section("Events", events(store.one("history", id))),
  ];
}

function promise(store, behind) {
  if (!behind) return null;
  const all = store.all("balancer");
  const there = all.filter((each) => each.connected).length;
  return h("p", { class: "dim" }, all.length ? `A task that goes leaves ${plural(all.length, "balancer")} first (${there} connected); each acknowledges, its open requests end, then it gets SIGTERM.`
    : "No balancer has ever connected: nothing routes to these tasks.");
}

function taskTable(tasks, { memory, redraw }) {
  const sorted = [...tasks].sort((a, b) => (a.status === "STOPPED") - (b.status === "STOPPED") || b.times.created - a.times.created);
  const [rows, more] = some(sorted, TASKS, memory, redraw);
  return [table("Tasks", [{ head: "Task" }, { head: "State" }, { head: "Health" }, { head: "Revision" }, { head: "Host" }, { head: "Since", number: true }, { head: "Exit and reason" }],
    rows.map((task) => ({ key: task.id, class: task.status === "STOPPED" ? "off" : "", cells: taskCells(task) })), "No tasks."), more];
}

export const taskLevel = (task) =>
  task.status === "STOPPED" ? (["ServiceSchedulerInitiated", "UserInitiated"].includes(task.stopCode) ? "off" : "bad")
    : task.status === "RUNNING" ? (task.health === "UNHEALTHY" ? "bad" : "ok") : "moving";

function taskCells(task) {
  const exits = task.containers.filter((each) => each.exit !== undefined || each.reason).map((each) => `${each.name}${each.exit !== undefined ? ` ${each.exit}` : ""}${each.reason ? `: ${each.reason}` : ""}`);
  return [
    h("a", { href: `#/task/${task.id}` }, short(task.id.split("/")[1])),
    badge(taskLevel(task), words(task.status)),
    task.health === "UNKNOWN" ? h("span", { class: "dim" }, task.times.inService ? "in service" : "–") : words(task.health),
    task.definition.split(":")[1],
    task.host ? short(task.host) : "–",
    ago(task.times.stopped || task.times.started || task.times.created),
    [...exits, task.stopReason].filter(Boolean).join(" · "),
  ];
}

function targets(health) {
  if (!health) return h("p", { class: "empty" }, "Asking.");
  return health.groups.map((group) => [h("h3", {}, group.name), targetTable(group)]);
}

const HEALTH = { healthy: "ok", unhealthy: "bad", initial: "moving", draining: "moving", unused: "off", unavailable: "warn" };

export function targetTable(group) {
  return table(`Targets of ${group.name}`, [{ head: "Target" }, { head: "State" }, { head: "Task" }, { head: "Open", number: true }, { head: "Since", number: true }, { head: "Reason" }],
    group.targets.map((each) => ({
      key: `${each.at}:${each.port}:${each.since}`, class: `target ${HEALTH[each.state]}`,
      cells: [
        h("code", {}, `${each.at}:${each.port}`), badge(HEALTH[each.state], each.state),
        each.task ? h("a", { href: `#/task/${each.task}` }, short(each.task.split("/")[1])) : h("span", { class: "dim" }, "registered by hand"),
        number(each.open, 0), ago(each.draining || each.since),
        each.draining ? `out of ${each.acknowledged} of ${each.balancers} balancers, drained in ${each.drained}` : [each.reason, each.why].filter(Boolean).join(": "),
      ],
    })), "No targets are registered.");
}

function scaling(service, found) {
  const figures = found?.figures || {};
  return [
    h("div", { class: "sparks" },
      h("div", {}, h("h3", {}, "CPU"), h("b", {}, figures.cpu === undefined ? "–" : `${number(figures.cpu)} %`), spark(figures.cpuLine || [], "CPU", " %")),
      h("div", {}, h("h3", {}, "Memory"), h("b", {}, figures.memory === undefined ? "–" : `${number(figures.memory)} %`), spark(figures.memoryLine || [], "Memory", " %"))),
    found?.policies ? [
      h("p", {}, `Between ${found.min} and ${found.max} tasks, ${service.desired} now.`),
      table("Scaling policies", [{ head: "Policy" }, { head: "Kind" }, { head: "Target", number: true }], found.policies.map((each) => ({ key: each.name, cells: [each.name, each.type, each.target ?? "–"] })), "No policy: only scheduled actions change it."),
      table("Scaling activities", [{ head: "When" }, { head: "What" }, { head: "Cause" }, { head: "State" }], found.activities.map((each) => ({ key: String(each.at), cells: [moment(each.at), each.text, each.cause, each.status] })), "It has not scaled yet."),
    ] : h("p", { class: "empty" }, "It does not scale by itself: ", h("code", {}, "aws application-autoscaling register-scalable-target"), " changes that."),
  ];
}

function past(history) {
  if (!history) return h("p", { class: "empty" }, "Asking.");
  return table("Past deployments", [{ head: "Begun" }, { head: "State" }, { head: "Revision" }, { head: "Took", number: true }, { head: "Failed", number: true }, { head: "Why" }],
    history.deployments.map((each) => ({ key: each.id, cells: [moment(each.created), pastBadge(each), each.definition || "–", each.finished ? span(each.finished - each.created) : "–", each.failed, each.rollback || each.reason || ""] })), "None is recorded.");
}

function events(history) {
  if (!history) return null;
  return h("ol", { class: "events" }, history.events.map((each) => h("li", { "data-key": each.id }, h("time", {}, moment(each.at)), h("span", {}, eventText(each.text)))));
}
