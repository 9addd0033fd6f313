// The code of a pairing link (`/#pair=CODE`). It is taken out of the address before anything else of the page happens, so
// this module comes first in main.tsx. Of the address nothing but the fragment is read, and of fragments nothing but this.

/** Every code of this host has this form; a link that was cut on its way has not. */
const CODE = /^[A-Za-z0-9_-]{43}$/;
const FRAGMENT = "#pair=";

const atStart = take();
let onCode: (code: string) => void = () => undefined;

// Somebody opened the link in a tab that already shows this page: it is not loaded anew.
addEventListener("hashchange", () => {
  const code = take();
  if (code !== null) onCode(code);
});

/** The code that the page was opened with, empty when the link was not whole; `null` when there is none. */
export function pairingCode(): string | null {
  return atStart;
}

/** Tells of codes that come later. */
export function followPairing(tell: (code: string) => void): void {
  onCode = tell;
}

function take(): string | null {
  const fragment = location.hash;
  if (fragment === "") return null;
  history.replaceState(history.state, "", "/");
  if (!fragment.startsWith(FRAGMENT)) return null;
  const code = fragment.slice(FRAGMENT.length);
  return CODE.test(code) ? code : "";
}
