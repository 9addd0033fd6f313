// Draws the icons of the installed page from their one drawing, public/favicon.svg. `node dev/icons.mjs`; $CHROMIUM names the
// browser. Not part of the build: the drawing changes about never.

import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const drawing = await readFile(new URL("../public/favicon.svg", import.meta.url), "utf8");
// A launcher cuts a maskable icon to its own shape: the ground fills it all, the figure stays in the middle.
const maskable = drawing.replace('rx="8"', "").replace("translate(3.200 3.200) scale(0.8)", "translate(5.600 5.600) scale(0.65)");
const square = drawing.replace('rx="8"', "");

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, svg, size] of [
  ["icon-192", drawing, 192], ["icon-512", drawing, 512], ["icon-maskable-512", maskable, 512], ["apple-touch-icon", square, 180],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  await writeFile(new URL(`../public/${name}.png`, import.meta.url), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
