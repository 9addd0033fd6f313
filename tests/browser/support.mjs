// A `holdfast demo` of its own and pages that are signed in to it, for each browser test.
// Not a page model: tests name what they click by the `data-testid` of the page.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import readline from "node:readline";
import { after, afterEach, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
/** The binary under test. */
export const binary = process.env.HOLDFAST_BIN ?? path.join(root, "target/debug/holdfast");
/** The real Codex that the tests have installed. */
export const codex = path.join(root, "tests/node_modules/.bin/codex");
const screenshots = path.join(root, "target/screenshots");

/** How long anything may take before a test gives up; machines that test are busy. */
export const GUARD_MS = 15_000;

const desktop = { width: 1280, height: 800 };
/** A phone of middling size. */
export const phone = { width: 390, height: 844 };

/** One running demo host in a folder of its own. */
export class Demo {
  /** Starts it and waits until it listens. */
  static async start(agent = "simulated") {
    const demo = new Demo();
    demo.agent = agent;
    // Not under /tmp, where the real Codex would refuse to work.
    demo.dir = await mkdtemp("/var/tmp/holdfast-browser-");
    await demo.launch();
    return demo;
  }

  async launch() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const args = ["demo", "--dir", this.dir, "--listen", listen, "--agent", this.agent];
    const env = { PATH: process.env.PATH, HOME: this.dir, ...(this.agent === "codex" ? { HOLDFAST_CODEX: codex } : {}) };
    this.child = spawn(binary, args, { cwd: this.dir, env, stdio: ["ignore", "pipe", "pipe"] });
    this.ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.log = this.log ?? "";
    this.child.stderr.on("data", (chunk) => (this.log += chunk));
    for await (const line of readline.createInterface({ input: this.child.stdout })) {
      const found = /^holdfast listening on (http:\S+)/.exec(line);
      if (found) {
        this.url = found[1];
        break;
      }
    }
    assert.ok(this.url, `the demo did not say where it listens; its log:\n${this.log}`);
    this.child.stdout.resume();
    this.token = (await readFile(path.join(this.dir, "token"), "utf8")).trim();
  }

  /** Runs one of the commands that talk to a running host; gives its stdout. */
  async run(...args) {
    const config = ["--config", path.join(this.dir, "holdfast.toml")];
    const env = { PATH: process.env.PATH, HOME: this.dir };
    const { stdout } = await promisify(execFile)(binary, [...args, ...config], { cwd: this.dir, env });
    return stdout;
  }

  /** A link of `holdfast pair`. */
  async pairingLink(...args) {
    const found = /^http\S+#pair=\S+$/m.exec(await this.run("pair", ...args));
    assert.ok(found, "pair prints a link");
    return found[0];
  }

  /** SIGKILL, then the same host again on the same address. */
  async killAndRestart() {
    this.child.kill("SIGKILL");
    await this.ended;
    await this.launch();
  }

  async stop() {
    this.child.kill("SIGTERM");
    await this.ended;
    await rm(this.dir, { recursive: true, force: true });
  }
}

/**
 * A demo and a browser for the tests of the file or the suite that calls this; `ready` gets both before the first one, and may
 * take its time. What a test did not close is what a failure left behind: a picture of it is kept.
 */
export function onStage(ready, agent) {
  let demo;
  let browser;
  let kept;
  before(async () => {
    demo = await Demo.start(agent);
    browser = await openBrowser();
    await ready(demo, browser);
    kept = new Set(browser.contexts());
  });
  after(async () => {
    await browser?.close();
    await demo?.stop();
  });
  afterEach(async (test) => {
    for (const [at, context] of browser.contexts().filter((one) => !kept.has(one)).entries()) {
      for (const page of context.pages()) {
        await screenshot(page, `failed-${test.name.replaceAll(/\W+/g, "-")}-${at}`);
      }
      await context.close();
    }
  });
}

/** Closes the pages of a test, which must not have complained. */
export async function closed(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
}

/** Starts the browser that `$CHROMIUM` names, else Debian's. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

/** A page in a browser profile of its own, not signed in; `problems` collects what the page complains about. */
export async function openPage(browser, demo, viewport, options) {
  const page = await blankPage(browser, demo, viewport, options);
  page.on("websocket", (socket) => {
    if (!socket.url().startsWith(demo.url.replace(/^http/, "ws"))) page.problems.push(`a socket to elsewhere: ${socket.url()}`);
  });
  await page.goto(demo.url);
  return page;
}

/** The same before it has gone anywhere. */
export async function blankPage(browser, demo, viewport = desktop, options = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(GUARD_MS);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(demo.url) && !url.startsWith("data:") && !url.startsWith("blob:")) {
      page.problems.push(`a request to elsewhere: ${url}`);
    }
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(demo.url).host) page.problems.push(`a socket to elsewhere: ${socket.url()}`);
  });
  return page;
}

/** Signs in with the token. */
export async function signIn(page, token) {
  await page.getByTestId("login-token").fill(token);
  await page.getByTestId("login-submit").click();
}

/** A signed-in page. */
export async function signedIn(browser, demo, viewport, options) {
  const page = await openPage(browser, demo, viewport, options);
  await signIn(page, demo.token);
  await page.getByTestId("new-session").first().waitFor();
  return page;
}

/** Gives a prompt in the open session. */
export async function prompt(page, text) {
  await page.getByTestId("composer").fill(text);
  await page.getByTestId("send").click();
}

/** Waits until the text of all items holds `text`. */
export async function itemText(page, text) {
  await page.getByTestId("item-text").filter({ hasText: text }).first().waitFor();
}

/** Keeps a picture for people under target/screenshots. */
export async function screenshot(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
}
