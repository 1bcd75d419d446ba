// Deployments: how far, by which stages, with which share of the traffic.

import { h } from "../dom.js";
import { moment, now, plural, span, words } from "../format.js";
import { badge, meter } from "./table.js";

const STAGES = ["RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
  "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"];
const WHOLE = 1000; // thousandths

const LEVELS = { COMPLETED: "ok", IN_PROGRESS: "moving", FAILED: "bad" };

/** In a line: from which revision to which, and how far. */
export function progress(service) {
  const [primary, ...others] = service.deployments;
  const old = others.find((each) => each.definition !== primary.definition) || others[0];
  return h("span", { class: "progress" },
    h("span", {}, old ? `${old.definition} → ${primary.definition}` : primary.definition),
    meter(primary.running, primary.desired, LEVELS[primary.rollout]),
    h("span", { class: "dim" }, [primary.stages.stage && words(primary.stages.stage), primary.failed > 0 && plural(primary.failed, "failure"), `for ${span(now() - primary.created)}`].filter(Boolean).join(" · ")));
}

export function deploymentCards(service) {
  return h("div", { class: "cards" }, service.deployments.map((each) => card(service, each)));
}

function card(service, deployment) {
  const level = LEVELS[deployment.rollout];
  return h("article", { class: `card ${level}`, "data-key": deployment.id },
    h("h3", {}, deployment.definition, " ", h("span", { class: "dim" }, deployment.rollback ? "rollback" : words(deployment.status))),
    h("p", {}, badge(level, words(deployment.rollout)), " ", meter(deployment.running, deployment.desired, level),
      deployment.pending > 0 && ` ${plural(deployment.pending, "starts", "start")}`, deployment.failed > 0 && h("b", { class: "bad" }, ` ${deployment.failed} failed`)),
    deployment.stages.stage && stages(deployment.stages),
    deployment.stages.stage && shares(service, deployment),
    deployment.reason && h("p", { class: "dim" }, deployment.reason),
    h("p", { class: "dim" }, `begun ${moment(deployment.created)}`));
}

function stages(rollout) {
  const at = STAGES.indexOf(rollout.stage);
  return h("ol", { class: "stages", "aria-label": "Stages" }, STAGES.map((each, index) =>
    h("li", { class: index < at ? "done" : index === at ? "here" : "", "aria-current": index === at && "step", title: words(each) },
      h("span", {}, index === at ? `${words(each)}, ${span(now() - rollout.stageSince)}` : ""))));
}

function shares(service, deployment) {
  const mine = deployment.stages.production;
  const text = `${mine / 10}% of production traffic${deployment.stages.shiftBegun && !deployment.stages.shifted ? ", waiting for every balancer" : ""}`;
  return h("p", { class: "shares" }, h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "fill", style: { width: `${mine * 100 / WHOLE}%` } })), " ", text);
}

const STATES = { SUCCESSFUL: "ok", IN_PROGRESS: "moving", STOPPED: "off", ROLLBACK_IN_PROGRESS: "warn", ROLLBACK_SUCCESSFUL: "warn", ROLLBACK_FAILED: "bad" };
export const pastBadge = (deployment) => badge(STATES[deployment.status] || "off", words(deployment.status));
