// Lets the page be installed where the browser offers it. Not where it does not: there its own menu has the entry.

import { signal } from "@preact/signals";

interface InstallEvent extends Event { prompt(): Promise<unknown> }

/** Offers to install the page; `null` while the browser does not offer it. */
export const install = signal<(() => void) | null>(null);

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install.value = () => { void (event as InstallEvent).prompt().catch(() => undefined); install.value = null; };
});
addEventListener("appinstalled", () => { install.value = null; });
