// Whatever an agent, a command, a file name or a question holds: the page shows it as text. Nothing runs, nothing is
// fetched, nothing is hidden, and the page goes on.

import assert from "node:assert/strict";
import http from "node:http";
import { after, describe, it } from "node:test";
import { GUARD_MS, itemText, onStage, prompt, screenshot, signedIn } from "./support.mjs";
import { Driver, quoted, word } from "./driver.mjs";
import { PAYLOADS } from "./hostile.mjs";

/** What the page's clipboard holds before, and must hold after. */
const CLIPBOARD = "what the person copied";

/** The whole page is looked at after each payload, so it must not grow for ever. */
const PER_SESSION = 20;

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** One prompt that shows a payload in every place; the two questions come last. */
function everywhere(text, name) {
  const steps = [
    `say ${quoted(text)} rate=0`,
    `say ${quoted(`Before ${text}\n\nafter`)} rate=0`,
    `reason text=${quoted(`**${text}**\n\n${text}`)}`,
    `plan text=${quoted(text)}`,
    `run cmd=${quoted(text)}`,
    `run cmd=${quoted(`printf %s ${word(text)}`)}`,
    `edit path=${quoted(text.replaceAll("..", "__").replace(/^\/+/, ""))} text=${quoted(text)}`,
    `approve cmd=${quoted(text)} reason=${quoted(text)}`,
    `ask ${quoted(text)} ${quoted(`${text.replaceAll("|", "/")}|no`)}`,
    `say ${quoted(`done ${name}`)} rate=0`,
  ];
  return `${text.slice(0, 2_000).replaceAll(/^sim:/gm, "")}\nsim: ${steps.join("; ")}`;
}

/** A page that writes down whatever a payload achieves. */
async function watchedPage(options) {
  const page = await signedIn(browser, demo, undefined, options);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: demo.url });
  await page.evaluate((text) => navigator.clipboard.writeText(text), CLIPBOARD);
  page.on("dialog", (dialog) => { page.problems.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on("popup", (popup) => page.problems.push(`a window: ${popup.url()}`));
  page.on("frameattached", () => page.problems.push("a frame"));
  await page.exposeFunction("__pwned", () => { page.problems.push("a payload ran"); });
  await page.evaluate(() => {
    addEventListener("securitypolicyviolation", (event) => globalThis.__pwned(event.violatedDirective));
  });
  return page;
}

/** Opens everything that is folded, and waits until it is drawn. */
function unfold() {
  for (const fold of document.querySelectorAll("details:not([open])")) fold.open = true;
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** What must hold of the whole page, whatever it shows; a list of what does not. */
function faults() {
  const found = [];
  const foreign = "script, iframe, frame, object, embed, base, link[rel=import], style, template, dialog, [popover], math, img, video, audio, picture, marquee, form form, animate, foreignObject, use";
  for (const element of document.body.querySelectorAll(foreign)) {
    if (element.getAttribute("src")?.startsWith("/assets/")) continue;
    found.push(`an element ${element.outerHTML.slice(0, 120)}`);
  }
  for (const element of document.body.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc" || name === "formaction" || name === "ping") found.push(`an attribute ${name}=${value.slice(0, 80)}`);
      if (["href", "src", "action", "xlink:href"].includes(name) && !/^(https?:\/\/|\/assets\/|#)/i.test(value)) found.push(`an address ${name}=${value.slice(0, 80)}`);
    }
    // A link that was taken its address leads nowhere.
    if (element.nodeName === "A" && element.hasAttribute("href") && (element.getAttribute("rel") !== "noopener noreferrer" || !["http:", "https:"].includes(element.protocol))) found.push(`a link ${element.outerHTML.slice(0, 120)}`);
  }
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.search(hidden);
    if (at >= 0) found.push(`a hidden character U+${walker.currentNode.data.charCodeAt(at).toString(16)} in ${walker.currentNode.parentElement.className}`);
  }
  if ({}.polluted !== undefined || [].polluted !== undefined) found.push("a polluted prototype");
  if (hidden.test(document.title) || document.title.length > 200) found.push(`a title ${document.title.slice(0, 80)}`);
  if (document.getElementById("app") === null) found.push("the page is gone");
  return [...new Set(found)];
}

describe("hostile text", () => {
  it("is shown as text in every place, and the page goes on after each", { timeout: 600_000 }, async () => {
    const driver = await Driver.open(browser, demo);
    const page = await watchedPage();
    page.on("framenavigated", (frame) => page.problems.push(`a navigation to ${frame.url()}`));
    const leaks = [];
    let thread;
    const look = async (name, place) => {
      for (const fault of [...(await page.evaluate(faults)), ...page.problems.splice(0)]) leaks.push(`${name} as ${place}: ${fault}`);
    };
    for (const [number, { name, text }] of PAYLOADS.entries()) {
      if (number % PER_SESSION === 0) {
        ({ thread } = await driver.call("thread/start", {}));
        await page.locator(`[data-testid="session-row"][data-thread="${thread.id}"]`).click();
        await page.locator(`[data-testid="session-row"][data-thread="${thread.id}"][aria-current]`).waitFor();
        // Going to a session is the one navigation that is meant.
        page.problems = page.problems.filter((problem) => problem !== `a navigation to ${page.url()}`);
      }
      await driver.call("host/prompt/submit", {
        threadId: thread.id, promptId: `p${number}`, when: "now", input: [{ type: "text", text: everywhere(text, `#${number}.`), text_elements: [] }],
      });
      for (const method of ["item/commandExecution/requestApproval", "item/tool/requestUserInput"]) {
        const question = await driver.question();
        assert.equal(question.method, method, name);
        await page.locator(`[data-testid="approval"][data-request="${question.id}"]`).waitFor();
        await look(name, method);
        await driver.answer(question.id, method.startsWith("item/tool") ? { answers: {} } : { decision: "decline" });
      }
      await driver.call("thread/name/set", { threadId: thread.id, name: `${text.slice(0, 400)} ` });
      await page.getByTestId("item-text").filter({ hasText: `done #${number}.` }).waitFor();
      await page.evaluate(unfold);
      await look(name, "item, title or row");
      if (leaks.length > 20) break;
    }
    await screenshot(page, "hostile");
    assert.deepEqual(leaks, []);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), CLIPBOARD);
    await page.reload();
    await page.getByTestId("item-text").filter({ hasText: `done #${PAYLOADS.length - 1}.` }).waitFor();
    assert.deepEqual(await page.evaluate(faults), [], "drawn again from the snapshot");
    await prompt(page, "sim: say \"Unharmed.\"");
    await itemText(page, "Unharmed.");
    await page.context().close();
    await driver.page.context().close();
  });

  it("would be noticed if it ran, were fetched or hid itself", async () => {
    // The same eyes on a page without what protects it: no policy, and markup put straight into it.
    const page = await watchedPage({ bypassCSP: true });
    const markup = [
      "<img src=https://elsewhere.invalid/x onerror=__pwned(1)>", "<a href='javascript:__pwned(1)'>press</a>",
      "<iframe srcdoc=x></iframe>", "<form action='javascript:1'></form>", "access\u202etxt.exe",
    ];
    await page.evaluate((markup) => {
      document.body.insertAdjacentHTML("beforeend", markup.join(""));
      Object.prototype.polluted = true;
      void navigator.clipboard.writeText("hijacked");
    }, markup);
    await page.waitForEvent("requestfailed", { predicate: () => true, timeout: 1_000 }).catch(() => undefined);
    const found = await page.evaluate(faults);
    for (const expected of [
      "an element <img", "an attribute onerror", "an address href=javascript:", "a link ", "an element <iframe", "an attribute srcdoc",
      "an address action=", "a hidden character U+202e", "a polluted prototype",
    ]) {
      assert.ok(found.some((fault) => fault.startsWith(expected)), `${expected} in ${JSON.stringify(found)}`);
    }
    for (const expected of ["a payload ran", "a frame", "a request to elsewhere: https://elsewhere.invalid/x"]) {
      assert.ok(page.problems.includes(expected), `${expected} in ${JSON.stringify(page.problems)}`);
    }
    assert.notEqual(await page.evaluate(() => navigator.clipboard.readText()), CLIPBOARD);
    await page.context().close();
  });
});

describe("a page of somebody else", () => {
  it("cannot frame the page", async () => {
    const server = http.createServer((_, response) => response.setHeader("content-type", "text/html").end(`<iframe src="${demo.url}/"></iframe>`));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const page = await (await browser.newContext()).newPage();
    try {
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await page.waitForLoadState("load");
      const frame = page.frames().find((one) => one !== page.mainFrame());
      const inside = await frame.evaluate(() => ({ app: document.getElementById("app") !== null, text: document.body?.innerText ?? "" }));
      assert.equal(inside.app, false);
      assert.ok(!inside.text.includes("token"), inside.text);
    } finally {
      await page.context().close();
      server.closeAllConnections();
      server.close();
    }
  });
});

describe("an approval", () => {
  it("takes a real press alone, and only after it was in sight for half a second", async () => {
    const page = await signedIn(browser, demo);
    await page.evaluate(() => {
      window.seen = {};
      new MutationObserver(() => {
        const buttons = document.querySelector(".decisions");
        if (!buttons) return;
        window.seen.shown ??= performance.now();
        if (buttons.dataset.ready === "true") window.seen.ready ??= performance.now();
        else for (const button of buttons.querySelectorAll("button")) button.click();
      }).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await page.getByTestId("new-session").first().click();
    await prompt(page, "Begin.\nsim: approve cmd=\"touch made\"; say \"Answered.\"");
    await page.locator(".decisions[data-ready=true]").waitFor();
    const { shown, ready } = await page.evaluate(() => window.seen);
    assert.ok(ready - shown >= 490, `ready after ${ready - shown} ms`);
    // A script's press is none, also when the button is ready.
    await page.evaluate(() => {
      for (const button of document.querySelectorAll(".decisions button")) {
        button.click();
        button.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      }
    });
    // Whatever the presses had sent would be answered before the answer to this.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
    assert.equal(await page.getByTestId("approval").count(), 1);
    await page.getByTestId("approve-accept").click({ timeout: GUARD_MS });
    await itemText(page, "Answered.");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
