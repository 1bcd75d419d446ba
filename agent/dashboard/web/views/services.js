// All services, those in trouble first.

import { h } from "../dom.js";
import { ago, eventText } from "../format.js";
import { judge, serviceHref } from "../problems.js";
import { badge, matches, meter, searchBox, some, table } from "../parts/table.js";

const PAGE = 100;
const ORDER = { bad: 0, warn: 1, moving: 2, ok: 3, off: 4 };

export const title = () => "Services";
export const cli = () => "aws ecs describe-services --services $(aws ecs list-services --query 'serviceArns[]' --output text)";
export const wants = () => ({ kinds: ["service"] });

export function draw(store, _, { memory, redraw }) {
  const found = store.all("service").filter((each) => matches(memory, each.id, each.definition, judge(each).join(" ")))
    .map((each) => [each, judge(each)])
    .sort(([a, [x]], [b, [y]]) => ORDER[x] - ORDER[y] || a.id.localeCompare(b.id));
  const alone = new Set(found.map(([each]) => each.cluster)).size === 1;
  const [rows, more] = some(found, PAGE, memory, redraw);
  return [
    h("div", { class: "head" }, h("h1", {}, "Services"), searchBox("Filter services", memory, redraw)),
    table("Services", [{ head: "Service" }, { head: "State" }, { head: "Running" }, { head: "Targets" }, { head: "Revision" }, { head: "Last event" }],
      rows.map(([service, verdict]) => row(service, verdict, alone)),
      memory.search ? "No service matches." : "No service yet: aws ecs create-service makes one."),
    more,
  ];
}

function row(service, [level, why], alone) {
  const targets = Object.entries(service.targets).map(([state, count]) => `${count} ${state}`).join(", ");
  return {
    key: service.id, class: level,
    cells: [
      h("a", { href: serviceHref(service.id) }, service.name, alone ? null : h("span", { class: "dim" }, ` ${service.cluster}`)),
      badge(level, why),
      meter(service.running, service.desired, level),
      targets || h("span", { class: "dim" }, service.groups.length ? "none" : "–"),
      service.definition,
      service.event ? h("span", { class: "event", title: service.event.text }, h("time", {}, ago(service.event.at)), " ", eventText(service.event.text)) : "",
    ],
  };
}
