// Every view by the rules of axe-core, light and dark, on a desk and on a phone: nothing serious. Not what a rule can not
// see: the keyboard's paths are in features.test.mjs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { itemText, onStage, openPage, phone, prompt, signIn } from "./support.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const desk = { width: 1280, height: 800 };

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** What axe finds, as one can read it. */
async function findings(page, view) {
  // What moves in is judged where it comes to rest.
  await page.evaluate(() => Promise.all(document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished.catch(() => undefined))));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${view}: ${id} at ${target.join(" ")}: ${failureSummary.split("\n")[1]}`));
}

const RICH = [
  "sim: plan; reason count=5",
  "sim: say \"# Heading\\n\\nText with `code`, a [link](https://example.org) and\\n\\n- a list\\n\\n| a | b |\\n|---|---|\\n| 1 | 2 |\\n\\n```rust\\nfn main() {}\\n```\\n\"",
  "sim: run cmd=\"seq 1 40\"; secret kind=github-pat where=text; edit path=a.txt text=\"hello\"",
].join("\n");

describe("axe-core finds nothing serious", () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries({ desk, phone })) {
      it(`in ${colorScheme} on a ${size}`, async () => {
        const found = [];
        const page = await openPage(browser, demo, viewport);
        await page.emulateMedia({ colorScheme });
        const judge = async (view) => found.push(...(await findings(page, view)));
        const back = async () => { if (size === "phone") await page.getByLabel("All sessions").last().click(); };
        await page.getByTestId("login-token").waitFor();
        await judge("sign-in");
        await signIn(page, demo.token);
        await page.getByTestId("new-session").first().waitFor();
        await judge("list");
        await page.getByTestId("new-session").first().click();
        await judge("new session");
        await page.getByTestId("choose-folder").click();
        await page.getByTestId("folder-choose").waitFor();
        await judge("folder chooser");
        await page.keyboard.press("Escape");
        await prompt(page, RICH);
        await page.getByTestId("turn-status").filter({ hasText: "completed" }).waitFor();
        await judge("session");
        await page.locator(".fold > summary").first().click();
        await page.getByTestId("session-menu").click();
        await judge("session menu");
        await page.getByTestId("menu-rename").click();
        await judge("rename");
        await page.keyboard.press("Escape");
        await page.getByTestId("composer").fill("/");
        await page.getByTestId("offers").waitFor();
        await judge("commands");
        await prompt(page, "sim: approve cmd=\"make all\" reason=\"May I?\"; ask \"Which way?\" Left|Right; say \"Gone.\"");
        await page.locator(".decisions[data-ready=true]").waitFor();
        await prompt(page, "sim: say \"Later.\"");
        await page.getByTestId("queued-prompt").waitFor();
        await judge("approval");
        await page.getByTestId("approve-accept").click();
        await page.getByTestId("question-form").waitFor();
        await page.locator(".decisions[data-ready=true]").waitFor();
        await judge("question");
        await page.getByTestId("question-submit").click();
        await itemText(page, "Later.");
        await prompt(page, "sim: crash signal=9 after=3");
        await page.getByTestId("turn-status").filter({ hasText: "interrupted" }).first().waitFor();
        await judge("after a crash");
        await back();
        await page.getByTestId("search").fill("Later");
        await page.getByTestId("search-hit").first().waitFor();
        await judge("search");
        await page.getByTestId("search").fill("");
        await page.getByTestId("host-page").click();
        await page.getByTestId("decisions").waitFor();
        await judge("host");
        if (size === "desk") {
          await page.keyboard.press("?");
          await page.getByTestId("help-dialog").waitFor();
          await judge("help");
          await page.keyboard.press("Escape");
        }
        await page.context().setOffline(true);
        await page.getByTestId("truth-line").filter({ hasText: "offline" }).waitFor();
        await judge("offline");
        assert.deepEqual(found, []);
        assert.deepEqual(page.problems, []);
        await page.context().close();
      });
    }
  }
});
