// What `holdfast export --format html` writes, in a real browser: whatever a session holds is text there, nothing runs,
// nothing is fetched. The same payloads as for the page. How Markdown comes out is tested beside its code.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Driver, quoted, word } from "./driver.mjs";
import { PAYLOADS } from "./hostile.mjs";
import { binary, blankPage, onStage, phone, screenshot } from "./support.mjs";

const wide = { width: 1400, height: 900 };
/** Payloads of one session. */
const PER_SESSION = 40;

let demo;
let browser;
let driver;

onStage(async (...given) => {
  [demo, browser] = given;
  driver = await Driver.open(browser, demo);
});

/** Exports a session; gives the address of the file. */
async function exported(threadId) {
  const file = path.join(demo.dir, `${threadId}.html`);
  const env = { PATH: process.env.PATH, HOME: demo.dir, HOLDFAST_TOKEN_FILE: path.join(demo.dir, "token") };
  await promisify(execFile)(binary, ["export", threadId, "--url", demo.url, "--format", "html", "--output", file], { cwd: demo.dir, env });
  return pathToFileURL(file).href;
}

/** A session that was given these prompts, one after the other, and called so. */
async function session(prompts, name) {
  const { thread } = await driver.call("thread/start", { cwd: demo.dir });
  for (const [at, text] of prompts.entries()) {
    await driver.call("host/prompt/submit", { threadId: thread.id, promptId: `p${at}`, input: [{ type: "text", text }], when: "queue" });
  }
  await driver.idle(thread.id);
  await driver.call("thread/name/set", { threadId: thread.id, name });
  return thread.id;
}

/** One prompt that puts a payload into each kind of item. */
function everywhere(text) {
  const steps = [
    `say ${quoted(text)} rate=0`, `say ${quoted(`Before ${text}\n\nafter`)} rate=0`, `reason text=${quoted(text)}`,
    `plan text=${quoted(text)}`, `run cmd=${quoted(text)}`, `run cmd=${quoted(`printf %s ${word(text)}`)}`,
  ];
  return `${text.slice(0, 2_000).replaceAll(/^sim:/gm, "")}\nsim: ${steps.join("; ")}`;
}

/** Opens a file in a page that writes down whatever it achieves. */
async function watched(url, viewport, options) {
  const page = await blankPage(browser, demo, viewport, options);
  page.problems.length = 0;
  page.removeAllListeners("request");
  page.on("request", (request) => { if (request.url() !== url) page.problems.push(`a request: ${request.url()}`); });
  page.on("dialog", (dialog) => { page.problems.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on("popup", (popup) => page.problems.push(`a window: ${popup.url()}`));
  page.on("frameattached", () => page.problems.push("a frame"));
  await page.exposeFunction("__pwned", () => { page.problems.push("a payload ran"); });
  await page.goto(url);
  return page;
}

/** Runs in the page: everything in it that we did not mean. */
function foreign() {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
  const ours = new Set(("html head meta title style body header h1 h2 h3 h4 h5 h6 dl div dt dd main section article p details summary code "
    + "pre span a em strong ul ol li blockquote hr br table thead tbody tr th td del").split(" "));
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    if (!ours.has(element.localName)) found.push(`<${element.localName}>`);
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "style" || name === "src" || name === "id") found.push(`${name}=${value}`);
      if (name === "href" && !/^(https?:|mailto:)/i.test(value)) found.push(`href=${value}`);
    }
  }
  if (document.querySelectorAll("style").length !== 1 || document.querySelectorAll("meta").length !== 5) found.push("a style or meta more");
  if (/[\u202a-\u202e\u2066-\u2069\u200b\u001b]/.test(document.body.textContent)) found.push("a character that deceives");
  return found;
}

describe("an exported page", () => {
  for (let from = 0; from < PAYLOADS.length; from += PER_SESSION) {
    const some = PAYLOADS.slice(from, from + PER_SESSION);
    it(`shows payloads ${from + 1} to ${from + some.length} as text`, async () => {
      const page = await watched(await exported(await session(some.map(({ text }) => everywhere(text)), some[0].text)), wide);
      assert.deepEqual(await page.evaluate(foreign), []);
      assert.equal(await page.locator("article.you").count(), some.length);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  it("would be caught if a payload ran or something were fetched", async () => {
    const page = await watched(await exported(await session(["Hello"], "a probe")), wide);
    // What the policy of the page forbids has to be let in by its own means, so the watcher is asked directly.
    await page.evaluate(() => globalThis.__pwned(1));
    const blocked = page.waitForEvent("requestfailed");
    await page.evaluate(() => { document.body.append(Object.assign(document.createElement("img"), { src: "https://elsewhere.invalid/x" })); });
    assert.deepEqual(await page.evaluate(foreign), ["<img>", "src=https://elsewhere.invalid/x"]);
    assert.deepEqual(page.problems, ["a payload ran", "a request: https://elsewhere.invalid/x"]);
    assert.match((await blocked).failure().errorText, /csp/i, "the policy lets nothing be fetched");
    await page.context().close();
  });

  it("reads well, wide and on a phone, in light and in dark", async () => {
    const prompts = [
      `Why does the build fail?\nsim: reason text="**Looking at the build**\\n\\nThe log names a missing import."; run cmd="seq 1 5"; `
        + `run cmd="ls"; edit path=src/tide.rs text="use std::fmt;\\n\\nfn tide() {}"; say "The import of \`fmt\` is missing:\\n\\n\`\`\`rust\\nuse std::fmt;\\n\`\`\`\\n\\n`
        + `| file | change |\\n|---|---|\\n| src/tide.rs | +1 |\\n\\n- added the **import**\\n- nothing else" rate=0`,
      `Run the tests\nsim: output lines=40 rate=0; fail usageLimitExceeded`,
    ];
    const url = await exported(await session(prompts, "Fix the build of the tide table"));
    for (const [name, viewport, colorScheme] of [["wide", wide, "light"], ["wide-dark", wide, "dark"], ["phone", phone, "light"], ["phone-dark", phone, "dark"]]) {
      const page = await watched(url, viewport, { colorScheme });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${name}: no sideways scrolling`);
      await screenshot(page, `export-${name}`);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  });
});
