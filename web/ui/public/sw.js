// The service worker: shows what the host pushes while no page is open, and brings the person to the session. It answers no
// request of the page, keeps nothing, and knows no credential.

/** What the host pushed, as far as it has the form; anything may come out of a push service, so nothing is taken on trust. */
function read(data) {
  try {
    const said = data.json();
    const word = (value, most) => (typeof value === "string" ? value.slice(0, most) : "");
    const path = word(said.path, 400);
    return { text: word(said.text, 200), title: word(said.title, 400), tag: word(said.tag, 200), path: /^\/(#session=[\w.%-]+)?$/.test(path) ? path : "/" };
  } catch {
    return { text: "", title: "", tag: "", path: "/" };
  }
}

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  const { text, title, tag, path } = read(event.data);
  event.waitUntil(self.registration.showNotification(text || "A session needs you", {
    body: title,
    // News of one session replace each other, and still call.
    tag: `holdfast ${tag}`,
    renotify: true,
    icon: "/icon-192.png",
    data: { path },
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { path } = event.notification.data ?? { path: "/" };
  event.waitUntil((async () => {
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((one) => one.visibilityState === "visible") ?? pages[0];
    if (!page) return self.clients.openWindow(path);
    page.postMessage({ open: path });
    return page.focus();
  })());
});
