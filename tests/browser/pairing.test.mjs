// Pairing links and the list of sign-ins, as people meet them: the code leaves the address at once, signs in once and only
// when somebody says so; nothing else in the address does anything.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blankPage, closed, onStage, phone, screenshot, signedIn } from "./support.mjs";

let demo;
let browser;

onStage((...given) => ([demo, browser] = given));

/** Every address that the browser's back and forward buttons lead to. */
async function history(page) {
  const devtools = await page.context().newCDPSession(page);
  const { entries } = await devtools.send("Page.getNavigationHistory");
  await devtools.detach();
  return entries.map((entry) => entry.url);
}

/** Sees to it that the page notes the fragment of its address whenever it fetches, dials, reads what is stored, or draws. */
async function watchAddress(page) {
  await page.addInitScript(() => {
    globalThis.fragments = [];
    const note = () => globalThis.fragments.push(location.hash);
    const watched = [[globalThis, "fetch"], [Storage.prototype, "getItem"], [Storage.prototype, "setItem"], [Node.prototype, "insertBefore"]];
    for (const [owner, name] of watched) {
      const original = owner[name];
      owner[name] = function (...args) {
        note();
        return original.apply(this, args);
      };
    }
    globalThis.WebSocket = new Proxy(WebSocket, { construct(target, args) { note(); return new target(...args); } });
  });
}

const app = (page) => page.getByTestId("new-session").first();

describe("a pairing link", () => {
  it("signs a phone in once, and is nowhere in the address and the history", async () => {
    const link = await demo.pairingLink();
    const page = await blankPage(browser, demo, phone);
    await watchAddress(page);
    await page.goto(link);
    await page.getByTestId("pair-submit").waitFor();
    assert.equal(page.url(), `${demo.url}/`);
    assert.ok((await page.locator("h1").innerText()).includes(new URL(demo.url).host), "it says where it signs in");
    await screenshot(page, "pairing-phone");
    await page.getByTestId("pair-submit").click();
    await app(page).waitFor();
    const fragments = await page.evaluate(() => globalThis.fragments);
    assert.ok(fragments.length > 5, `${fragments.length} things were watched`);
    assert.deepEqual(fragments.filter((fragment) => fragment !== ""), [], "something happened before the address was clean");
    const addresses = await history(page);
    assert.deepEqual(addresses.filter((address) => address.includes("#")), []);

    const second = await blankPage(browser, demo);
    await second.goto(link);
    await second.getByTestId("pair-submit").click();
    await second.getByTestId("pair-error").filter({ hasText: "holdfast pair" }).waitFor();
    await screenshot(second, "pairing-used");
    assert.equal(await app(second).count(), 0);
    await second.getByTestId("pair-leave").click();
    await second.getByTestId("login-token").waitFor();
    await closed(page, second);
  });

  it("does nothing until somebody says so, and nothing to a sign-in that there is", async () => {
    const page = await signedIn(browser, demo);
    const logins = [];
    page.on("request", (request) => request.method() === "POST" && logins.push(request.url()));
    // In the same tab: the browser changes the fragment and loads nothing.
    await page.evaluate((link) => { location.href = link; }, await demo.pairingLink("--role", "view"));
    await page.getByTestId("pair-submit").waitFor();
    await screenshot(page, "pairing");
    assert.equal(page.url(), `${demo.url}/`);
    assert.deepEqual((await history(page)).filter((address) => address.includes("#")), []);
    await page.getByTestId("pair-leave").click();
    await app(page).waitFor();
    await page.getByTestId("host-page").click();
    await page.getByTestId("sign-in-row").first().waitFor();
    assert.deepEqual(logins, []);
    await closed(page);
  });

  it("replaces the sign-in of the browser by its own when somebody says so", async () => {
    const page = await signedIn(browser, demo);
    await page.evaluate((link) => { location.href = link; }, await demo.pairingLink("--role", "view"));
    await page.getByTestId("pair-submit").click();
    await app(page).waitFor();
    await page.getByTestId("host-page").click();
    await page.getByTestId("host-tree").waitFor();
    assert.equal(await page.getByTestId("sign-ins").count(), 0, "a viewer is not told who is signed in");
    await closed(page);
  });

  it("that is not whole, in the query, or something else does nothing", async () => {
    const link = await demo.pairingLink();
    const code = link.slice(link.indexOf("=") + 1);
    const page = await blankPage(browser, demo);
    await page.goto(`${demo.url}/#pair=${code.slice(1)}`);
    await page.getByTestId("pair-error").filter({ hasText: "not whole" }).waitFor();
    assert.equal(page.url(), `${demo.url}/`);
    for (const address of [`?gatewayUrl=wss://127.0.0.1:9/`, `?next=%23pair=${code}`, `#token=${demo.token}`, `#gatewayUrl=ws://127.0.0.1:9`, `#Pair=${code}`]) {
      await page.goto("about:blank");
      await page.goto(`${demo.url}/${address}`);
      await page.getByTestId("login-token").waitFor();
      assert.equal(await page.getByTestId("pair-submit").count(), 0, "nothing to confirm");
      assert.equal(await page.getByTestId("login-token").inputValue(), "");
    }
    for (const query of [`?token=${demo.token}`, `?pair=${code}`]) {
      const refused = await page.goto(`${demo.url}/${query}`);
      assert.equal(refused.status(), 400);
    }
    await closed(page);

    const good = await blankPage(browser, demo);
    await good.goto(link);
    await good.getByTestId("pair-submit").click();
    await app(good).waitFor();
    await closed(good);
  });
});

describe("an address", () => {
  it("never says where a signed-in page connects to", async () => {
    const page = await signedIn(browser, demo);
    const sockets = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    for (const address of ["?gatewayUrl=ws://127.0.0.1:9/", "#gatewayUrl=ws://127.0.0.1:9/", "?url=ws://127.0.0.1:9/&host=127.0.0.1:9&origin=http://127.0.0.1:9"]) {
      await page.goto("about:blank");
      await page.goto(`${demo.url}/${address}`);
      await page.getByTestId("truth-line").filter({ hasText: "ok" }).waitFor();
    }
    // On a busy machine the page that signed in may open its own late.
    assert.ok(sockets.length >= 3);
    assert.deepEqual([...new Set(sockets)], [`${demo.url.replace("http", "ws")}/ws`]);
    await closed(page);
  });
});

describe("the list of sign-ins", () => {
  it("shows this device and the others, and signs them out at once", async () => {
    await demo.run("sign-ins", "--all");
    const page = await signedIn(browser, demo);
    const others = [await signedIn(browser, demo), await signedIn(browser, demo), await signedIn(browser, demo)];
    await page.getByTestId("host-page").click();
    const rows = page.getByTestId("sign-in-row");
    await rows.nth(3).waitFor();
    assert.equal(await rows.filter({ hasText: "this device" }).count(), 1);
    assert.equal(await page.getByTestId("revoke").count(), 3, "one's own sign-in is ended where one signs out");
    await screenshot(page, "sign-ins");

    await page.getByTestId("revoke").first().click();
    await rows.nth(3).waitFor({ state: "detached" });
    await page.getByTestId("revoke-others").click();
    for (const other of others) await other.getByTestId("login-token").waitFor();
    await rows.nth(1).waitFor({ state: "detached" });
    assert.equal(await rows.count(), 1);
    await closed(page, ...others);
  });
});
