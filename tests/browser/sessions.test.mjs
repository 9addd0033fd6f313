// What a person does in the page: signs in, prompts, approves, loses Codex and the host, and never the session.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { closed, itemText, onStage, openPage, phone, prompt, screenshot, signedIn, signIn } from "./support.mjs";

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** Two pages on one new session. */
async function twoTabs() {
  const one = await signedIn(browser, demo);
  await one.getByTestId("new-session").first().click();
  await prompt(one, "Begin.\nsim: say \"Ready.\"");
  await itemText(one, "Ready.");
  const other = await signedIn(browser, demo);
  await other.getByTestId("session-row").first().click();
  await itemText(other, "Ready.");
  return [one, other];
}

describe("the page", () => {
  it("says that a token is wrong, and takes the right one", async () => {
    const page = await openPage(browser, demo);
    await screenshot(page, "sign-in");
    await signIn(page, `${demo.token.slice(0, -1)}${demo.token.endsWith("A") ? "B" : "A"}`);
    await page.getByTestId("login-error").waitFor();
    await screenshot(page, "sign-in-wrong");
    assert.equal(await page.getByTestId("new-session").count(), 0);
    await signIn(page, demo.token);
    await page.getByTestId("new-session").first().waitFor();
    await closed(page);
  });

  it("takes neither an address nor a token from its own address", async () => {
    const page = await openPage(browser, demo);
    await page.goto(`${demo.url}/?gatewayUrl=wss://127.0.0.1:9/#token=${demo.token}`);
    await page.getByTestId("login-token").waitFor();
    assert.equal(await page.getByTestId("login-token").inputValue(), "");
    await closed(page);
  });

  it("streams an answer into both tabs of a session", async () => {
    const [one, other] = await twoTabs();
    await prompt(one, "sim: text count=60 rate=40/s; run cmd=\"seq 1 5\"; say \"Counted.\"");
    await Promise.all([itemText(one, "t000020"), itemText(other, "t000020")]);
    await screenshot(other, "streaming");
    await Promise.all([itemText(one, "Counted."), itemText(other, "Counted.")]);
    const texts = async (page) => page.getByTestId("item-text").allInnerTexts();
    assert.deepEqual(await texts(one), await texts(other));
    await other.getByTestId("command-output").first().waitFor();
    await screenshot(one, "session");
    await closed(one, other);
  });

  it("asks in both tabs, and the answer in one takes the question from the other", async () => {
    const [one, other] = await twoTabs();
    await prompt(one, "sim: approve cmd=\"echo made\" reason=\"May I?\"; say \"Approved.\"");
    await Promise.all([one.getByTestId("approval").waitFor(), other.getByTestId("approval").waitFor()]);
    await screenshot(other, "approval");
    await one.getByTestId("approve-accept").click();
    await other.getByTestId("approval").waitFor({ state: "detached" });
    await Promise.all([itemText(one, "Approved."), itemText(other, "Approved.")]);
    await closed(one, other);
  });

  it("stops a running turn", async () => {
    const [one, other] = await twoTabs();
    await prompt(one, "sim: text count=5000 rate=50/s");
    await itemText(other, "t000010");
    await other.getByTestId("stop").click();
    await one.getByTestId("turn-status").filter({ hasText: /interrupted|stopped/i }).first().waitFor();
    await closed(one, other);
  });

  it("names a crash of Codex, keeps the text and goes on", async () => {
    const [one, other] = await twoTabs();
    await prompt(one, "sim: crash signal=9 after=30");
    await one.getByTestId("turn-status").filter({ hasText: /interrupted|crash|ended|died/i }).first().waitFor();
    await itemText(one, "t000010");
    await itemText(other, "t000010");
    await screenshot(one, "crash");
    await prompt(other, "sim: say \"Back again.\"");
    await Promise.all([itemText(one, "Back again."), itemText(other, "Back again.")]);
    await screenshot(one, "recovered");
    await closed(one, other);
  });

  it("names the broken link when the host is gone and is whole again after it is back", async () => {
    const [one, other] = await twoTabs();
    await prompt(one, "sim: text count=5000 rate=50/s");
    await itemText(one, "t000010");
    await demo.killAndRestart();
    await one.getByTestId("truth-line").filter({ hasText: /host|connect/i }).first().waitFor();
    await screenshot(one, "host-gone");
    await one.getByTestId("turn-status").filter({ hasText: /interrupted/i }).first().waitFor();
    await itemText(other, "t000010");
    await prompt(one, "sim: say \"Still here.\"");
    await Promise.all([itemText(one, "Still here."), itemText(other, "Still here.")]);
    await closed(one, other);
  });

  it("shows the host, its tree and its bridges", async () => {
    const page = await signedIn(browser, demo);
    await page.getByRole("button", { name: "Host", exact: true }).click();
    await page.getByTestId("host-tree").waitFor();
    await screenshot(page, "host");
    await closed(page);
  });

  it("works on a phone without scrolling sideways", async () => {
    const page = await signedIn(browser, demo, phone);
    await page.getByTestId("new-session").first().click();
    await prompt(page, "On the phone.\nsim: approve cmd=\"echo made\"; say \"Fits.\"");
    await page.getByTestId("approval").waitFor();
    await screenshot(page, "phone-approval");
    await page.getByTestId("approve-accept").click();
    await itemText(page, "Fits.");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${wide} pixels too wide`);
    await screenshot(page, "phone");
    await closed(page);
  });
});
