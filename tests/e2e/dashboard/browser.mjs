// A real Chromium at the end of a pipe: a line of JSON is a command, the answer is a line of JSON.
//   node browser.mjs FOLDER_OF_NPM_PACKAGES URL
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [packages, url] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PATIENCE = 30000; // reached by a test that fails
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const problems = []; // of the console, of scripts, of the network
let page;

const commands = {
  async screen({ width, height, scheme }) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, bypassCSP: false });
    page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) problems.push(`console ${message.type()}: ${message.text()}`); });
    page.on("pageerror", (error) => problems.push(`script: ${error.stack}`));
    page.on("request", (request) => { if (!request.url().startsWith(url)) problems.push(`asked for ${request.url()}`); });
  },
  async login({ token }) {
    await page.goto(`${url}/dashboard/`);
    await page.getByLabel("Token of this installation").fill(token);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForLoadState("domcontentloaded");
    return page.url();
  },
  async open({ hash }) {
    await page.goto(`${url}/dashboard/${hash}`);
    await page.locator("#main h1").waitFor();
    return { title: await page.title(), text: await page.locator("#main").innerText(), cli: await page.locator("#cli").innerText() };
  },
  reload: () => page.reload({ waitUntil: "commit" }).then(() => true),
  text: ({ selector }) => page.locator(selector).first().innerText(),
  count: ({ selector }) => page.locator(selector).count(),
  wait: ({ selector, text }) => page.locator(selector).filter({ hasText: text }).first().waitFor({ state: "attached" }).then(() => true),
  click: ({ selector }) => page.locator(selector).first().click(),
  fill: ({ selector, value }) => page.locator(selector).fill(value),
  press: ({ key }) => page.keyboard.press(key),
  focused: () => page.evaluate(() => `${document.activeElement.tagName} ${document.activeElement.innerText || document.activeElement.type || ""}`.trim()),
  evaluate: ({ script }) => page.evaluate(script),
  screenshot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => path),
  // Not by the page's own policy, which lets no foreign script in: it is put in from outside.
  async axe() {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    return found.violations.filter((each) => ["serious", "critical"].includes(each.impact)).map((each) => `${each.id}: ${each.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  },
  problems: () => problems.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ answer: (await commands[command](rest)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.stack || error) }));
  }
}
await browser.close();
