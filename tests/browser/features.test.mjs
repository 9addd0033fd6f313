// What makes the page pleasant: names, archive and forks, the search, drafts, images, commands, files, pickers, the outbox,
// the keyboard, being called. Not how sessions survive: sessions.test.mjs.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, it } from "node:test";
import { closed, itemText, onStage, prompt, screenshot, signedIn } from "./support.mjs";

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** A page on a new session that has answered once. */
async function session(words = "Begin.") {
  const page = await signedIn(browser, demo);
  await page.getByTestId("new-session").first().click();
  await prompt(page, `${words}\nsim: say "Ready."`);
  await itemText(page, "Ready.");
  return page;
}

const menu = async (page, entry) => {
  await page.getByTestId("session-menu").click();
  await page.getByTestId(entry).click();
};

/** An image of one colour, drawn in the page, as a file that can be pasted or dropped. */
const transfer = (page, width, height) => page.evaluateHandle(async ([wide, high]) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [wide, high];
  const brush = canvas.getContext("2d");
  // Noise, so that it does not compress to nothing.
  const data = brush.createImageData(wide, high);
  for (let at = 0; at < data.data.length; at += 1) data.data[at] = at % 4 === 3 ? 255 : (at * 2654435761) >>> 24;
  brush.putImageData(data, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const carrier = new DataTransfer();
  carrier.items.add(new File([blob], "picture.png", { type: "image/png" }));
  return carrier;
}, [width, height]);

describe("a session", () => {
  it("is renamed, forked with its past, archived and taken back", async () => {
    const page = await session("Name me.");
    await menu(page, "menu-rename");
    await page.getByTestId("rename-name").fill("Tide tables");
    await page.getByTestId("rename-keep").click();
    await page.getByRole("heading", { name: "Tide tables" }).waitFor();
    await page.getByTestId("session-row").filter({ hasText: "Tide tables" }).waitFor();

    const original = await page.locator(".row.open").getAttribute("data-thread");
    await menu(page, "menu-fork");
    await page.waitForFunction((old) => document.querySelector(".row.open")?.dataset.thread !== old, original);
    await itemText(page, "Ready.");
    await prompt(page, "sim: say \"Only here.\"");
    await itemText(page, "Only here.");

    await page.locator(`[data-thread="${original}"]`).click();
    await itemText(page, "Ready.");
    assert.equal(await page.getByTestId("item-text").filter({ hasText: "Only here." }).count(), 0);
    await menu(page, "menu-archive");
    await page.getByTestId("archived").locator("summary").click();
    await page.getByTestId("archived").locator(`[data-thread="${original}"]`).click();
    await menu(page, "menu-unarchive");
    await page.getByTestId("archived").waitFor({ state: "detached" });
    await closed(page);
  });

  it("is found by its words, and the page goes to the place, however far back", async () => {
    const page = await session("Far back stands the word periwinkle.");
    await prompt(page, "sim: text count=700 every=1");
    await itemText(page, "t000699");
    await page.reload();
    await page.getByTestId("session-row").first().waitFor();
    await page.getByTestId("search").fill("periwinkle");
    await page.getByTestId("search-hit").first().click();
    const place = page.locator("[data-hit]").filter({ hasText: "periwinkle" });
    await place.waitFor();
    const seen = await place.evaluate((row) => {
      const box = row.getBoundingClientRect();
      return box.top >= 0 && box.bottom <= innerHeight;
    });
    assert.ok(seen, "the place is on the screen");
    await page.waitForFunction(() => CSS.highlights.has("found"));
    await screenshot(page, "search-hit");
    await closed(page);
  });

  it("says who decided, beside the command and on the host's page", async () => {
    const page = await session();
    await prompt(page, "sim: approve cmd=\"echo made\"; say \"Done.\"");
    await page.locator(".decisions[data-ready=true]").waitFor();
    await page.keyboard.press("Alt+KeyA");
    await itemText(page, "Done.");
    await page.getByTestId("decided").filter({ hasText: "Accepted by" }).waitFor();
    await page.reload();
    await page.getByTestId("decided").filter({ hasText: "Accepted by" }).waitFor();
    await page.getByTestId("host-page").click();
    await page.getByTestId("decisions").filter({ hasText: "accepted" }).waitFor();
    await page.waitForFunction(() => Number(document.querySelector("[data-testid=rate-chart]")?.dataset.samples) >= 2);
    await closed(page);
  });
});

describe("the composer", () => {
  it("keeps words and images over a reload, until they are sent", async () => {
    const page = await session();
    await page.getByTestId("composer").fill("half a thought");
    await page.getByTestId("composer").evaluate((field, carrier) =>
      field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: carrier, bubbles: true, cancelable: true })), await transfer(page, 64, 64));
    await page.getByTestId("attached-image").waitFor();
    await page.reload();
    await page.getByTestId("attached-image").waitFor();
    assert.equal(await page.getByTestId("composer").inputValue(), "half a thought");
    await page.getByTestId("send").click();
    await page.locator(".said-images img").waitFor();
    assert.equal(await page.getByTestId("attached-image").count(), 0);
    assert.equal(await page.getByTestId("composer").inputValue(), "");
    await closed(page);
  });

  it("makes a large dropped image fit and shows it in the history", async () => {
    const page = await session();
    await page.getByTestId("composer").evaluate((field, carrier) =>
      field.dispatchEvent(new DragEvent("drop", { dataTransfer: carrier, bubbles: true, cancelable: true })), await transfer(page, 2400, 1800));
    await page.getByTestId("attached-image").waitFor();
    await prompt(page, "What is this?\nsim: say \"A picture.\"");
    await itemText(page, "A picture.");
    const width = () => page.locator(".said-images img").evaluate((image) => image.decode().then(() => image.naturalWidth));
    assert.ok((await width()) > 300, "it is still an image");
    await page.reload();
    assert.ok((await width()) > 300, "and the journal has it");
    await screenshot(page, "image");
    await closed(page);
  });

  it("offers commands and files", async () => {
    const folder = path.join(demo.dir, "project");
    await mkdir(path.join(folder, "src"), { recursive: true });
    await writeFile(path.join(folder, "src/tides.rs"), "");
    const page = await signedIn(browser, demo);
    await page.getByTestId("new-session").first().click();
    await page.getByTestId("new-cwd").fill(folder);
    await prompt(page, "sim: say \"Ready.\"");
    await itemText(page, "Ready.");
    await page.getByTestId("composer").pressSequentially("look at @tid");
    await page.getByTestId("offers").filter({ hasText: "tides.rs" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("[data-testid=composer]").value === "look at src/tides.rs ");
    await page.getByTestId("composer").fill("");
    await page.getByTestId("composer").pressSequentially("/ren");
    await page.getByTestId("offers").filter({ hasText: "/rename" }).waitFor();
    await screenshot(page, "commands");
    await page.keyboard.press("Tab");
    await page.waitForFunction(() => document.querySelector("[data-testid=composer]").value.startsWith("/rename "));
    await page.getByTestId("composer").pressSequentially("Renamed by a command");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Renamed by a command" }).waitFor();
    await closed(page);
  });

  it("offers only what the host allows, and says with the next prompt what was chosen", async () => {
    const page = await session();
    await page.getByTestId("pick-model").waitFor();
    const words = await page.getByTestId("pick-sandbox").locator("option").evaluateAll((all) => all.map((one) => one.value));
    assert.deepEqual(words, ["read-only", "workspace-write"]);
    await page.getByTestId("pick-sandbox").selectOption("read-only");
    await page.getByTestId("pick-effort").selectOption("low");
    await prompt(page, "sim: edit path=a.txt text=\"x\"; say \"Tried.\"");
    // Read-only: what was free before is asked for now.
    await page.locator(".decisions[data-ready=true]").waitFor();
    await page.getByTestId("approve-decline").click();
    await itemText(page, "Tried.");
    await closed(page);
  });

  it("keeps prompts while the device is offline and sends each once when it is back", async () => {
    const page = await session();
    await page.context().setOffline(true);
    await page.getByTestId("truth-line").filter({ hasText: "offline" }).waitFor();
    await prompt(page, "sim: say \"From the outbox.\"");
    await page.getByTestId("unsent-prompt").waitFor();
    await screenshot(page, "offline");
    await page.context().setOffline(false);
    await itemText(page, "From the outbox.");
    await page.getByTestId("unsent-prompt").waitFor({ state: "detached" });
    assert.equal(await page.locator(".said").filter({ hasText: "From the outbox." }).count(), 1);
    await closed(page);
  });
});

describe("a person", () => {
  it("can do all with the keyboard alone", async () => {
    const page = await signedIn(browser, demo);
    await page.keyboard.press("Alt+KeyN");
    await page.getByTestId("new-form").waitFor();
    await page.keyboard.type("By keyboard. sim:");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("sim: approve cmd=\"echo made\"; say \"Typed.\"");
    await page.keyboard.press("Enter");
    await page.locator(".decisions[data-ready=true]").waitFor();
    await page.keyboard.press("Alt+KeyD");
    await itemText(page, "Typed.");
    await page.getByTestId("decided").filter({ hasText: "Declined by" }).waitFor();
    await page.keyboard.press("Control+KeyK");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), "search");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.getByTestId("help-dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("help-dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Alt+KeyH");
    await page.getByTestId("host-tree").waitFor();
    await page.keyboard.press("Alt+ArrowDown");
    await page.getByTestId("transcript").waitFor();
    await closed(page);
  });

  it("is called when a session needs them, only after they asked for it, and sees it on the icon", async () => {
    const page = await signedIn(browser, demo);
    await page.addInitScript(() => {
      window.notes = [];
      window.Notification = class {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, options) { window.notes.push(`${title}: ${options.body}`); }
        close() {}
      };
      Object.defineProperty(document, "hasFocus", { value: () => false });
    });
    await page.reload();
    await page.getByTestId("new-session").first().click();
    const ask = async (name) => {
      await prompt(page, `${name}\nsim: approve cmd="echo made"; say "Done."`);
      await page.locator(".decisions[data-ready=true]").waitFor();
    };
    await page.waitForFunction(() => !document.title.includes("needs you"));
    await ask("Nobody asked to be called.");
    assert.match(await page.title(), /^\(\d+\) needs you/);
    assert.match(await page.locator("link[rel=icon]").getAttribute("href"), /needs-you/);
    assert.deepEqual(await page.evaluate(() => window.notes), []);
    await page.getByTestId("approve-accept").click();
    await itemText(page, "Done.");
    await page.getByTestId("notify").click();
    await ask("Call me.");
    await page.waitForFunction(() => window.notes.some((note) => note.startsWith("Needs you: ")));
    await page.getByTestId("approve-accept").click();
    await page.waitForFunction(() => window.notes.some((note) => note.startsWith("Done: ")));
    await page.locator("link[rel=icon][href='/favicon.svg']").waitFor({ state: "attached" });
    await closed(page);
  });
});
