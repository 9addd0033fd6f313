// The page against the real Codex, with a scripted model behind it: what the page asks of Codex is what Codex understands.
// Not what the simulated one can show as well: features.test.mjs.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, it } from "node:test";
import { codex, itemText, onStage, prompt, screenshot, signedIn } from "./support.mjs";

describe("with the real Codex", { skip: existsSync(codex) ? false : "it is not installed" }, () => {
  let demo;
  let browser;

  onStage((...given) => ([demo, browser] = given), "codex");

  it("a session is begun, approved, renamed, forked, searched and archived", async (test) => {
    const folder = path.join(demo.dir, "project");
    await mkdir(path.join(folder, "src"), { recursive: true });
    await writeFile(path.join(folder, "src/tides.rs"), "fn main() {}\n");
    const page = await signedIn(browser, demo);
    try {
      await page.getByTestId("new-session").first().click();
      await page.getByTestId("new-cwd").fill(folder);
      await prompt(page, "Look at the periwinkle.\nsim: approve cmd=\"echo made\" reason=\"May I?\"; say \"Done here.\"");
      await page.locator(".decisions[data-ready=true]").waitFor({ timeout: 60_000 });
      await screenshot(page, "real-approval");
      await page.getByTestId("approve-accept").click();
      await itemText(page, "Done here.");
      await page.getByTestId("decided").filter({ hasText: "Accepted by" }).waitFor();
      assert.ok((await page.getByTestId("pick-model").locator("option").count()) > 1, "Codex names its models");

      await page.getByTestId("composer").pressSequentially("see @tid");
      await page.getByTestId("offers").filter({ hasText: "tides.rs" }).waitFor();
      await page.keyboard.press("Tab");
      await page.getByTestId("composer").fill("");

      await page.getByTestId("session-menu").click();
      await page.getByTestId("menu-rename").click();
      await page.getByTestId("rename-name").fill("Real tides");
      await page.getByTestId("rename-keep").click();
      await page.getByRole("heading", { name: "Real tides" }).waitFor();

      const original = await page.locator(".row.open").getAttribute("data-thread");
      await page.getByTestId("session-menu").click();
      await page.getByTestId("menu-fork").click();
      await page.waitForFunction((old) => document.querySelector(".row.open")?.dataset.thread !== old, original);
      await itemText(page, "Done here.");
      await prompt(page, "sim: say \"In the copy.\"");
      await itemText(page, "In the copy.");

      await page.getByTestId("search").fill("periwinkle");
      await page.getByTestId("search-hit").first().click();
      await page.locator("[data-hit]").filter({ hasText: "periwinkle" }).waitFor();
      await page.getByTestId("search").fill("");
      await page.locator(`[data-thread="${original}"]`).click();
      await page.getByTestId("session-menu").click();
      await page.getByTestId("menu-archive").click();
      await page.getByTestId("archived").waitFor();
      assert.deepEqual(page.problems, []);
    } catch (error) {
      await screenshot(page, `failed-${test.name.replaceAll(/\W+/g, "-")}`);
      throw error;
    }
    await page.context().close();
  });
});
