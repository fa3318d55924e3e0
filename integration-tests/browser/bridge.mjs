// Drives Chromium for the Python tests: one JSON request a line on stdin, one answer on stdout.
//   {"page", "open": {...context options}, "url"}   opens a page in a context of its own
//   {"page", "call": "click", "args": [...]}        calls that method of the Playwright page
//   {"page", "wait": "selector", "state"}           waits until an element is visible (or hidden)
//   {"page", "problems": true}                      what went wrong in the page so far
// The answer is {"result"} or {"error"}. It ends with its stdin.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(new URL("../js/", import.meta.url))("playwright-core");

const TIMEOUT = 15_000; // ms that one request may take
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update",
];

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
const pages = new Map();

async function open(name, options, url) {
  await pages.get(name)?.page.context().close();
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.setDefaultTimeout(TIMEOUT);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  pages.set(name, { page, problems });
  await page.goto(url);
}

async function answer({ page: name, open: options, url, call, args = [], wait, state, problems }) {
  if (options) return open(name, options, url);
  const entry = pages.get(name);
  if (wait) return void (await entry.page.locator(wait).first().waitFor({ state }));
  if (problems) return entry.problems.splice(0);
  const result = await entry.page[call](...args);
  return Buffer.isBuffer(result) || typeof result === "function" ? null : result;
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    const result = (await answer(JSON.parse(line))) ?? null;
    reply = JSON.stringify({ result: typeof result?.url === "function" ? null : result });
  } catch (error) {
    reply = JSON.stringify({ error: error.message });
  }
  process.stdout.write(`${reply}\n`);
}
await browser.close();
