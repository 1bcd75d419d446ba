// What services said, of the whole cluster, the newest first.

import { h } from "../dom.js";
import { clock, date, eventText } from "../format.js";
import { matches, searchBox, some } from "../parts/table.js";
import { serviceHref } from "../problems.js";

const PAGE = 150;
const BAD = /unable|fail|unhealthy|error|rolled back|rolling back|could not|cannot|circuit/i;
const GOOD = /steady state|deployment completed/i;

export const title = () => "Events";
export const cli = () => "aws ecs describe-services --services NAME --query 'services[].events[]'";
export const wants = () => ({ kinds: ["event"] });

export function draw(store, _, { memory, redraw }) {
  const found = store.all("event").filter((each) => matches(memory, each.service, each.text) && (!memory.bad || BAD.test(each.text)))
    .sort((a, b) => b.at - a.at || b.id.localeCompare(a.id));
  const [rows, more] = some(found, PAGE, memory, redraw);
  let day = "";
  const alone = new Set(found.map((each) => each.service.split("/")[0])).size === 1;
  return [
    h("div", { class: "head" }, h("h1", {}, "Events"), searchBox("Filter events", memory, redraw),
      h("label", { class: "check" }, h("input", { type: "checkbox", onchange: (event) => { memory.bad = event.target.checked; redraw(); } }), " Only what went wrong")),
    rows.length ? h("ol", { class: "events all" }, rows.flatMap((each) => {
      const out = [];
      if (date(each.at) !== day) { day = date(each.at); out.push(h("li", { class: "day", "data-key": day }, day)); }
      out.push(h("li", { "data-key": each.id, class: BAD.test(each.text) ? "bad" : GOOD.test(each.text) ? "ok" : "" },
        h("time", {}, clock(each.at)), h("a", { href: serviceHref(each.service) }, alone ? each.service.slice(each.service.indexOf("/") + 1) : each.service), h("span", {}, eventText(each.text))));
      return out;
    })) : h("p", { class: "empty" }, memory.search || memory.bad ? "No event matches." : "Nothing has happened yet."),
    more,
  ];
}
