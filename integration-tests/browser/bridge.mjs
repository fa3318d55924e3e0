// Drives Chromium for the Python tests: one JSON request a line on stdin, one answer on stdout.
//   {"page", "open": {...context options}, "url"}   opens a page in a context of its own
//   {"page", "call": "click", "args": [...]}        calls that method of the Playwright page;
//                                                   "keyboardPress" is press of its keyboard
//   {"page", "wait": "selector", "state"}           waits until an element is visible (or hidden)
//   {"page", "file": {name, mimeType, buffer: base64}, "into": "selector"}
//   {"page", "problems": true}                      what went wrong in the page since the last time
//   {"close": true}                                 closes all pages
// The answer is {"result"} or {"error"}; bytes are base64. It ends with its stdin.

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

async function closeAll() {
  for (const { page } of pages.values()) await page.context().close();
  pages.clear();
}

async function answer({ page: name, open: options, url, call, args = [], wait, state, file, into, problems, close }) {
  if (close) return closeAll();
  if (options) return open(name, options, url);
  const entry = pages.get(name);
  if (wait) return void (await entry.page.locator(wait).first().waitFor({ state }));
  if (file) return entry.page.setInputFiles(into, { ...file, buffer: Buffer.from(file.buffer, "base64") });
  if (problems) return entry.problems.splice(0);
  const target = call.startsWith("keyboard") ? entry.page.keyboard : entry.page;
  const result = await target[call.replace(/^keyboard(.)/, (_, first) => first.toLowerCase())](...args);
  if (Buffer.isBuffer(result)) return result.toString("base64");
  return typeof result?.url === "function" ? null : result; // a response is not JSON
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = JSON.stringify({ result: (await answer(JSON.parse(line))) ?? null });
  } catch (error) {
    reply = JSON.stringify({ error: error.message });
  }
  process.stdout.write(`${reply}\n`);
}
await browser.close();
