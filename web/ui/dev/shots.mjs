// Takes the screenshots that people look at: wide and phone, light and dark, against the mock. Not a test.
// `node dev/shots.mjs [address] [folder]`; $CHROMIUM names the browser.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

const address = process.argv[2] ?? "http://127.0.0.1:7499";
const folder = process.argv[3] ?? "shots";
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});

const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport, colorScheme, hasTouch: size === "phone", isMobile: size === "phone", deviceScaleFactor: size === "phone" ? 2 : 1 });
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && console.log(size, colorScheme, message.text()));
    page.on("pageerror", (error) => console.log(size, colorScheme, String(error)));
    const shot = (name) => page.screenshot({ path: path.join(folder, `${size}-${colorScheme}-${name}.png`) });
    const back = async () => { if (size === "phone") await page.getByLabel("All sessions").last().click(); };
    const send = async (text) => { await page.getByTestId("composer").fill(text); await page.getByTestId("send").click(); };
    const open = async (title) => { await page.getByTestId("session-row").filter({ hasText: title }).first().click(); await page.getByTestId("composer").waitFor(); };
    await page.goto(address);
    await page.getByTestId("login-token").waitFor();
    await shot("signin");
    await page.getByTestId("login-token").fill("hft_mock");
    await page.getByTestId("login-submit").click();
    await page.getByTestId("session-row").first().waitFor();
    await shot("list");
    await page.getByTestId("search").fill("journal");
    await page.getByTestId("search-hit").first().waitFor();
    await shot("search");
    await page.getByTestId("search").fill("");
    await open("Install the toolchain");
    await page.locator(".decisions[data-ready=true]").waitFor();
    await shot("approval");
    await back();
    await open("Why does the bridge");
    await page.getByTestId("turn-status").last().waitFor();
    await page.waitForTimeout(300);
    await shot("session");
    await page.getByTestId("transcript").evaluate((box) => { box.scrollTop = 0; });
    await page.waitForTimeout(200);
    await shot("session-top");
    await back();
    await page.getByTestId("new-session").click();
    await shot("new");
    await send("Stream something for the picture");
    await page.getByTestId("item-text").first().waitFor({ timeout: 15000 });
    await page.waitForTimeout(900);
    await send("And then run it again");
    await page.getByTestId("queued-prompt").waitFor();
    await shot("streaming");
    await page.getByTestId("turn-status").filter({ hasText: "completed" }).first().waitFor({ timeout: 20000 });
    await back();
    await page.getByTestId("new-session").click();
    await send("Now crash in the middle");
    await page.getByTestId("retry-now").waitFor();
    await shot("crash");
    await back();
    await page.getByTestId("host-page").click();
    await page.getByTestId("host-tree").waitFor();
    // The chart needs some seconds to have a shape; once is enough.
    await page.waitForTimeout(size === "wide" && colorScheme === "light" ? 60_000 : 2_500);
    await shot("host");
    await context.setOffline(true);
    await page.getByTestId("retry-now").waitFor();
    await shot("offline");
    await context.setOffline(false);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${size} ${colorScheme}: ${wide} px too wide`);
    await context.close();
  }
}
await browser.close();
