// What the page costs: its first load, a fast stream, a long session. Sizes and counts are asserted; times are printed,
// because they are the machine's as much as the page's.

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { itemText, onStage, openPage, prompt, screenshot, signedIn } from "./support.mjs";

/** JavaScript of the first load, as it goes over the wire. */
const FIRST_LOAD_BYTES = 150_000;
/** Elements on the page, however long the session is. */
const ELEMENTS_MAX = 3_000;
const RATE = 1_000;
const STREAM_MS = 8_000;
/** A guard for what takes long on a busy machine. */
const LONG_MS = 120_000;

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** What the browser measures of a page: the main thread's time by kind, in seconds of this thread, and its memory. */
async function meter(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  return {
    read: async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value])),
    collect: () => devtools.send("HeapProfiler.collectGarbage"),
  };
}

async function session(words = "Begin.") {
  const page = await signedIn(browser, demo);
  await page.getByTestId("new-session").first().click();
  await prompt(page, `${words}\nsim: say "Ready."`);
  await itemText(page, "Ready.");
  return page;
}

/** Follows where the foot of the running turn and the composer stand on the screen whenever the text has grown. */
const watchEdges = (page) => page.evaluate(() => {
  window.edges = [".turn-foot", ".composer"].map((name) => ({ name, least: Infinity, most: -Infinity, times: 0 }));
  // It is told after the page's own observer: what it sees is what is painted.
  new ResizeObserver(() => {
    for (const edge of window.edges) {
      const { top } = [...document.querySelectorAll(edge.name)].at(-1).getBoundingClientRect();
      edge.least = Math.min(edge.least, top);
      edge.most = Math.max(edge.most, top);
      edge.times += 1;
    }
  }).observe(document.querySelector(".turns"));
});

const elements = (page) => page.evaluate(() => document.querySelectorAll("*").length);

const percent = (seconds, ms) => `${((seconds * 100_000) / ms).toFixed(1)} %`;

describe("the page", () => {
  it("loads little, and nothing that it does not need yet", async (test) => {
    const page = await openPage(browser, demo);
    await page.getByTestId("login-token").waitFor();
    const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name, encodedBodySize, decodedBodySize }) => ({ name: new URL(name).pathname, encodedBodySize, decodedBodySize })));
    const scripts = loaded.filter(({ name }) => name.endsWith(".js"));
    const bytes = scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    const paint = await page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0));
    test.diagnostic(`first load: ${(bytes / 1000).toFixed(1)} kB of script (gzip), first paint after ${paint} ms`);
    assert.ok(scripts.length > 0 && bytes < FIRST_LOAD_BYTES, `${bytes} bytes of script`);
    assert.ok(scripts.every(({ encodedBodySize, decodedBodySize }) => encodedBodySize < decodedBodySize), "it is compressed");
    assert.deepEqual(scripts.filter(({ name }) => /Host|markdown|Help|FolderChooser/.test(name)), []);
    await page.context().close();
  });

  for (const [name, more] of [["one long message", ""], ["messages of 50 deltas", "every=50"]]) {
    it(`keeps up with ${RATE} deltas a second in ${name}`, async (test) => {
      const page = await session();
      const { read } = await meter(page);
      const count = RATE * (STREAM_MS / 1000 + 4);
      await prompt(page, `sim: text count=${count} rate=${RATE}/s size=24 ${more}; say "The end."`);
      // Five hundred or more: a row that the list has left behind is not there any more.
      await page.getByTestId("item-text").filter({ hasText: /t0(00[5-9]|0[1-9]\d|[1-9]\d\d)\d\d/ }).first().waitFor();
      await watchEdges(page);
      const before = await read();
      await page.waitForTimeout(STREAM_MS);
      const after = await read();
      const moved = await page.evaluate(() => window.edges);
      const spent = (name) => percent(after[name] - before[name], STREAM_MS);
      test.diagnostic(`${RATE} deltas/s, ${name}: main thread ${spent("TaskDuration")} (script ${spent("ScriptDuration")}, layout ${spent("LayoutDuration")}, style ${spent("RecalcStyleDuration")})`);
      await itemText(page, "The end.");
      const last = `t${String(count - 1).padStart(6, "0")}`;
      await itemText(page, last);
      assert.ok((await elements(page)) < ELEMENTS_MAX);
      assert.ok(moved.every(({ least, most, times }) => times > 10 && most - least <= 1), `the turn's foot and the composer stand still: ${JSON.stringify(moved)}`);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }

  it("scrolls through 10,000 items, of which it draws only those in sight", async (test) => {
    const page = await session();
    await prompt(page, "sim: text count=10000 every=1 size=120; say \"The end.\"");
    await page.getByTestId("item-text").filter({ hasText: "The end." }).waitFor({ timeout: LONG_MS });
    const transcript = page.getByTestId("transcript");
    const rows = Number(await transcript.getAttribute("data-rows"));
    assert.ok(rows > 10_000, `${rows} rows`);
    assert.ok((await elements(page)) < ELEMENTS_MAX);
    await page.evaluate(() => {
      window.frames_ = [];
      let last = performance.now();
      requestAnimationFrame(function frame(now) { window.frames_.push(now - last); last = now; requestAnimationFrame(frame); });
    });
    const box = await transcript.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let turn = 0; turn < 150; turn += 1) await page.mouse.wheel(0, -700);
    const frames = (await page.evaluate(() => window.frames_.slice(2))).sort((a, b) => a - b);
    const at = (share) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))].toFixed(1);
    test.diagnostic(`${rows} rows, 150 turns of the wheel: a frame takes ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (worst)`);
    assert.ok((await elements(page)) < ELEMENTS_MAX);
    // What is on the screen is one unbroken run, also far from the end.
    const shown = await page.getByTestId("item-text").allInnerTexts();
    const numbers = shown.map((text) => Number(/t(\d{6})/.exec(text)?.[1]));
    assert.ok(numbers.length > 5 && numbers.at(-1) < 9_900, `it has scrolled: ${numbers}`);
    assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index));
    await screenshot(page, "long-session");
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  it("stays small after 200,000 events", async (test) => {
    const page = await session();
    const { read, collect } = await meter(page);
    const heap = async () => { await collect(); return (await read()).JSHeapUsedSize / 1e6; };
    const before = await heap();
    await prompt(page, "sim: text count=200000 size=24 every=500; say \"The end.\"");
    await page.getByTestId("item-text").filter({ hasText: "The end." }).waitFor({ timeout: LONG_MS });
    test.diagnostic(`heap: ${before.toFixed(1)} MB before, ${(await heap()).toFixed(1)} MB after 200,000 events (4.8 MB of text)`);
    assert.ok((await elements(page)) < ELEMENTS_MAX);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
