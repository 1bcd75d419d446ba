// What is wrong, the worst first: [{level, title, text, href}]. Levels: bad (something does not work), warn.

import { ago, now, plural, words } from "./format.js";

const MUCH = 60000; // a deployment that has not moved for so long is worth a look

export const serviceHref = (id) => `#/service/${encodeURI(id)}`;

/** "bad", "warn", "moving", "ok" or "off" of a service, and why. */
export function judge(service) {
  if (service.status === "INACTIVE") return ["off", "deleted"];
  if (service.status === "DRAINING") return ["moving", "being deleted"];
  const primary = service.deployments[0];
  if (primary?.rollout === "FAILED") return ["bad", primary.reason || "its deployment failed"];
  if (service.unplaced && service.running < service.desired) return ["bad", `cannot be placed: ${service.unplaced.reason} ${service.unplaced.detail || ""}`.trim()];
  if (service.desired > 0 && service.running === 0 && (service.failedStarts > 0 || now() - service.created > MUCH))
    return ["bad", service.failedStarts ? `no task runs; ${plural(service.failedStarts, "start")} failed` : "no task runs"];
  if (primary?.failed > 0 && primary.rollout === "IN_PROGRESS") return ["bad", `${plural(primary.failed, "task")} of its deployment failed`];
  if (service.targets.unhealthy) return ["bad", `${plural(service.targets.unhealthy, "target")} unhealthy`];
  if (service.failedStarts > 0) return ["warn", `${plural(service.failedStarts, "start")} failed`];
  if (primary?.stages.hooks?.some((hook) => hook.status === "AWAITING_ACTION")) return ["warn", "its deployment waits for you to continue it"];
  if (underWay(service)) return ["moving", primary.stages.stage ? words(primary.stages.stage) : "a deployment is under way"];
  if (service.running < service.desired) return ["moving", `${service.running} of ${service.desired} run`];
  if (service.running > service.desired) return ["moving", `${service.running} run, ${service.desired} wanted`];
  return ["ok", service.desired === 0 ? "none wanted" : "steady"];
}

export const underWay = (service) =>
  service.status === "ACTIVE" && (service.deployments[0]?.rollout === "IN_PROGRESS" || service.deployments.length > 1);

export function problems(store) {
  const found = [];
  const info = store.one("info", "");
  if (info?.trouble) found.push({ level: "bad", title: "Control", text: info.trouble, href: "#/" });
  for (const service of store.all("service")) {
    const [level, why] = judge(service);
    if (level === "bad" || level === "warn")
      found.push({ level, title: service.name, text: why, href: serviceHref(service.id), at: service.event?.at });
  }
  for (const host of store.all("host")) {
    if (host.status === "INACTIVE") continue;
    if (!host.connected)
      found.push({ level: "bad", title: `Host ${host.instance || host.id}`, text: `its agent is not connected; ${plural(host.running, "task")} ran there`, href: "#/hosts" });
    else if (host.status === "DRAINING")
      found.push({ level: "warn", title: `Host ${host.instance || host.id}`, text: `drains; ${plural(host.running, "task")} left`, href: "#/hosts" });
  }
  for (const balancer of store.all("balancer")) {
    if (!balancer.connected)
      found.push({ level: "bad", title: `Balancer ${balancer.id.slice(0, 8)}`, text: `is away, last seen ${ago(balancer.seen)}; it serves what it last knew`, href: "#/balancers" });
    else if (balancer.refusal)
      found.push({ level: "bad", title: `Balancer ${balancer.id.slice(0, 8)}`, text: `refuses the configuration: ${balancer.refusal}`, href: "#/balancers" });
  }
  const order = { bad: 0, warn: 1 };
  return found.sort((a, b) => order[a.level] - order[b.level] || (b.at || 0) - (a.at || 0) || a.title.localeCompare(b.title));
}
