// Web Push as a browser has it: the worker under the page's policy, what it shows, where it leads. Real push services are out of
// reach of a test, so the browser's push manager is a stand-in whose messages come back through the devtools.

import assert from "node:assert/strict";
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Demo, GUARD_MS, blankPage, itemText, openBrowser, phone, prompt, screenshot, signIn, signedIn } from "./support.mjs";

/** Takes what the host pushes, and reads it as the browser would (RFC 8291). */
class PushService {
  static async start() {
    const service = new PushService();
    service.ecdh = createECDH("prime256v1");
    service.ecdh.generateKeys();
    service.auth = randomBytes(16);
    service.bodies = [];
    service.waiting = [];
    service.server = createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(201).end();
        service.bodies.push(service.read(Buffer.concat(chunks)));
        service.waiting.shift()?.();
      });
    });
    await new Promise((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    service.url = `http://127.0.0.1:${service.server.address().port}`;
    return service;
  }

  get keys() {
    return { p256dh: this.ecdh.getPublicKey().toString("base64url"), auth: this.auth.toString("base64url") };
  }

  read(body) {
    const [salt, sender, record] = [body.subarray(0, 16), body.subarray(21, 86), body.subarray(86)];
    const expand = (key, by, info, length) => Buffer.from(hkdfSync("sha256", key, by, info, length));
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), this.ecdh.getPublicKey(), sender]);
    const secret = expand(this.ecdh.computeSecret(sender), this.auth, info, 32);
    const cipher = createDecipheriv("aes-128-gcm", expand(secret, salt, "Content-Encoding: aes128gcm\0", 16), expand(secret, salt, "Content-Encoding: nonce\0", 12));
    cipher.setAuthTag(record.subarray(-16));
    const text = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
    return text.subarray(0, text.lastIndexOf(2)).toString();
  }

  async next() {
    const guard = AbortSignal.timeout(GUARD_MS);
    while (this.bodies.length === 0) {
      await new Promise((resolve, reject) => {
        this.waiting.push(resolve);
        guard.addEventListener("abort", () => reject(new Error(`nothing was pushed within ${GUARD_MS} ms`)));
      });
    }
    return this.bodies.shift();
  }

  stop() {
    this.server.close();
  }
}

let demo;
let browser;
let service;

before(async () => {
  service = await PushService.start();
  demo = await Demo.start();
  await appendFile(path.join(demo.dir, "holdfast.toml"), `\n[notify]\nafter = "1s"\n[notify.web_push]\nhosts = ["${service.url}"]\n`);
  await demo.killAndRestart();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
  service?.stop();
});

afterEach(async (test) => {
  for (const [at, context] of browser.contexts().entries()) {
    for (const page of context.pages()) await screenshot(page, `failed-${test.name.replaceAll(/\W+/g, "-")}-${at}`);
    await context.close();
  }
});

/** Signs in with a push manager that subscribes at the test's own service. */
async function pushable(viewport, options) {
  const page = await blankPage(browser, demo, viewport, options);
  await page.context().grantPermissions(["notifications"], { origin: demo.url });
  await page.addInitScript(({ endpoint, keys }) => {
    let current = null;
    PushManager.prototype.getSubscription = async () => current;
    PushManager.prototype.subscribe = async ({ applicationServerKey }) => (current = {
      endpoint,
      options: { applicationServerKey: applicationServerKey.buffer },
      toJSON: () => ({ endpoint, keys }),
      unsubscribe: async () => { current = null; return true; },
    });
  }, { endpoint: `${service.url}/one`, keys: service.keys });
  await page.goto(demo.url);
  await signIn(page, demo.token);
  await page.getByTestId("new-session").first().waitFor();
  return page;
}

/** The host's page with the card. */
async function openCard(page) {
  await page.getByTestId("host-page").click();
  await page.getByTestId("push").waitFor();
}

const card = (page, state) => page.locator(`[data-testid=push][data-state=${state}]`);

/** Gives the worker a message as the browser does when one comes from its push service. */
async function deliver(page, data) {
  const devtools = await page.context().newCDPSession(page);
  const registered = new Promise((resolve) => devtools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => registrations[0] && resolve(registrations[0])));
  await devtools.send("ServiceWorker.enable");
  const { registrationId } = await registered;
  await devtools.send("ServiceWorker.deliverPushMessage", { origin: demo.url, registrationId, data });
  await devtools.detach();
}

/** What the worker shows now: title, body, tag and where each leads. One look, since a look later may find another state. */
async function shown(page) {
  const found = await page.waitForFunction(async () => {
    const registration = await navigator.serviceWorker.getRegistration("/");
    const all = await registration.getNotifications();
    return all.length > 0 && all.map(({ title, body, tag, data }) => ({ title, body, tag, path: data.path }));
  });
  return found.jsonValue();
}

describe("web push", () => {
  it("is switched on by a press, shows what the host pushes, and leads to the session", async () => {
    const page = await pushable();
    await page.getByTestId("new-session").first().click();
    await prompt(page, "sim: say \"Here it is.\"");
    await itemText(page, "Here it is.");
    const opened = await page.evaluate(() => history.state.view);
    await openCard(page);
    await card(page, "off").waitFor();
    await screenshot(page, "push-off");
    await page.getByTestId("push-on").click();
    await card(page, "on").waitFor();
    await screenshot(page, "push-on");
    assert.deepEqual(await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return [registration.scope, registration.active?.scriptURL ?? registration.installing?.scriptURL, await caches.keys()];
    }), [`${demo.url}/`, `${demo.url}/sw.js`, []]);

    await page.getByTestId("push-test").click();
    const test = JSON.parse(await service.next());
    assert.equal(test.text, "This is a test of holdfast's notifications");
    await page.getByTestId("toast").filter({ hasText: "took the test" }).waitFor();

    // Nobody looks at the session: the page shows the host.
    await page.getByTestId("session-row").first().click();
    await prompt(page, "sim: sleep 3s; say \"Over.\"");
    await openCard(page);
    const pushed = await service.next();
    const { path: link, tag, title: told } = JSON.parse(pushed);
    assert.match(link, /^\/#session=[0-9a-f-]{36}$/);
    assert.equal(told, null);
    await deliver(page, pushed);
    assert.deepEqual(await shown(page), [{ title: "A session is done", body: "", tag: `holdfast ${tag}`, path: link }]);

    const [worker] = page.context().serviceWorkers();
    await worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications();
      self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
    });
    await page.getByTestId("composer").waitFor();
    assert.deepEqual(await page.evaluate(() => history.state.view), opened);
    assert.equal(new URL(page.url()).hash, "");

    await openCard(page);
    await page.getByTestId("push-off").click();
    await card(page, "off").waitFor();
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });

  it("shows something harmless whatever is pushed", async () => {
    for (const data of ["", "no json", "[]", JSON.stringify({ text: { a: 1 }, tag: "x", path: "https://evil.example/" })]) {
      // A profile of its own each time: notifications that were closed may be listed for a while.
      const page = await pushable();
      await openCard(page);
      await page.getByTestId("push-on").click();
      await card(page, "on").waitFor();
      await deliver(page, data);
      const tag = data.includes("tag") ? "holdfast x" : "holdfast ";
      assert.deepEqual(await shown(page), [{ title: "A session needs you", body: "", tag, path: "/" }], data);
      assert.deepEqual(page.problems, []);
      await page.context().close();
    }
  });

  it("is the only script that the page can name at run time", async () => {
    const page = await signedIn(browser, demo);
    const refused = await page.evaluate(async () => {
      const names = [];
      for (const name of ["other", "holdfast-worker"]) {
        try {
          trustedTypes.createPolicy(name, { createScriptURL: (url) => url });
          names.push(name);
        } catch { /* as it must be */ }
      }
      const registered = await navigator.serviceWorker.register("/sw.js").then(() => true, () => false);
      return { names, registered };
    });
    assert.deepEqual(refused, { names: [], registered: false });
    await page.context().close();
  });

  it("says in words why it can not be, on a phone and in the dark", async () => {
    const page = await pushable(phone, { colorScheme: "dark" });
    await openCard(page);
    await card(page, "off").waitFor();
    await page.getByTestId("push").scrollIntoViewIfNeeded();
    await screenshot(page, "push-phone-dark");
    await page.context().close();

    const denied = await blankPage(browser, demo, phone);
    await denied.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
    await denied.goto(demo.url);
    await signIn(denied, demo.token);
    await denied.getByTestId("new-session").first().waitFor();
    await openCard(denied);
    await card(denied, "denied").waitFor();
    await screenshot(denied, "push-phone-denied");
    assert.deepEqual(denied.problems, []);
    await denied.context().close();
  });
});

describe("a link to a session", () => {
  it("opens it and leaves the address", async () => {
    const page = await signedIn(browser, demo);
    await page.getByTestId("new-session").first().click();
    await prompt(page, "sim: say \"Linked.\"");
    await itemText(page, "Linked.");
    const threadId = await page.evaluate(() => history.state.view.threadId);
    await page.goto(`${demo.url}/#session=${threadId}`);
    await page.getByTestId("composer").waitFor();
    await itemText(page, "Linked.");
    assert.deepEqual([await page.evaluate(() => history.state.view), page.url()], [{ at: "session", threadId }, `${demo.url}/`]);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
