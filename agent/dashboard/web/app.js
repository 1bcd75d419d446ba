// The frame around the views: which one is shown, when it is drawn, the command line that says the same,
// light and dark, and whether control is there.

import { h, morph } from "./dom.js";
import { clock, span } from "./format.js";
import { Store } from "./store.js";
import * as overview from "./views/overview.js";
import * as services from "./views/services.js";
import * as service from "./views/service.js";
import * as task from "./views/task.js";
import * as hosts from "./views/hosts.js";
import * as balancers from "./views/balancers.js";
import * as events from "./views/events.js";

const VIEWS = { "": overview, services, service, task, hosts, balancers, events };
const MOVES = 1000; // ages and bars are drawn anew so often

const main = document.getElementById("main");
const find = (id) => document.getElementById(id);
const store = new Store(() => draw(), (state, since) => tell(state, since));

let view = overview;
let subject = "";
let memory = {}; // of a view: what was typed, how much is shown
let asked = false;

function route() {
  const path = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
  const slash = path.indexOf("/");
  const name = slash < 0 ? path : path.slice(0, slash);
  if (location.hash === "#main") return;
  view = VIEWS[name] || overview;
  subject = slash < 0 ? "" : path.slice(slash + 1);
  memory = {};
  main.replaceChildren(h("p", { class: "empty" }, "Waiting for control."));
  document.title = `${view.title(subject)} · Berth`;
  for (const link of document.querySelectorAll("nav a")) {
    const here = VIEWS[link.getAttribute("href").slice(2)] === (view.under || view);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  find("cli").textContent = view.cli(subject);
  const { kinds = [], watched = [] } = view.wants(subject);
  store.show(kinds, watched);
  draw();
}

function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    if (!store.ready) return;
    const next = h("div", {}, view.draw(store, subject, { memory, redraw: draw }));
    if (main.firstElementChild?.tagName !== "DIV") main.replaceChildren(next);
    else morph(main.firstElementChild, next);
  });
}

function tell(state, since) {
  const link = find("link");
  link.dataset.state = state;
  link.textContent = state;
  const away = find("away");
  away.hidden = state !== "away";
  if (state === "away")
    away.textContent = `Control does not answer since ${clock(since)}. What you see is from then; this page goes on by itself. Balancers keep serving, containers keep running.`;
}

function age() {
  if (store.state === "away") find("link").textContent = `away ${span(Date.now() - store.since)}`;
  if (store.state === "live" && !document.hidden) draw();
}

const THEMES = ["system", "light", "dark"];
function theme(next) {
  const chosen = next || localStorage.getItem("theme") || "system";
  localStorage.setItem("theme", chosen);
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  find("theme").textContent = `Theme: ${chosen}`;
}

find("theme").onclick = () => theme(THEMES[(THEMES.indexOf(localStorage.getItem("theme") || "system") + 1) % THEMES.length]);
find("copy").onclick = async () => {
  await navigator.clipboard?.writeText(find("cli").textContent);
  find("copy").textContent = "Copied";
  setTimeout(() => { find("copy").textContent = "Copy"; }, 1500);
};
document.onkeydown = (event) => {
  const box = document.querySelector("input[type=search]");
  if (event.key !== "/" || !box || event.target.matches("input, textarea")) return;
  event.preventDefault();
  box.focus();
};
window.onhashchange = () => { if (location.hash === "#main") return; route(); window.scrollTo(0, 0); main.focus({ preventScroll: true }); };

theme();
route();
setInterval(age, MOVES);
