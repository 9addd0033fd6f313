// What links to the page carry: the code of a pairing link (`/#pair=CODE`), or the session of a notification (`/#session=ID`).
// It is taken out of the address before anything else of the page happens, so this module comes first in main.tsx. Of the
// address nothing but the fragment is read, and of fragments nothing but these.

/** Every code of this host has this form; a link that was cut on its way has not. */
const CODE = /^[A-Za-z0-9_-]{43}$/;
const FRAGMENT = "#pair=";
/** Ids of sessions; opening one shows it and does nothing. */
const SESSION = /^#session=([A-Za-z0-9._-]{1,128})$/;

let session: string | null = null;
const atStart = take();
let onCode: (code: string) => void = () => undefined;
let onSession: (threadId: string) => void = () => undefined;

// Somebody opened the link in a tab that already shows this page: it is not loaded anew.
addEventListener("hashchange", () => {
  const code = take();
  if (code !== null) onCode(code);
  else if (session !== null) onSession(session);
});

/** The code that the page was opened with, empty when the link was not whole; `null` when there is none. */
export function pairingCode(): string | null {
  return atStart;
}

/** The session that the page was opened for. */
export function linkedSession(): string | null {
  return session;
}

/** The session that a fragment names. */
export function sessionOf(fragment: string): string | null {
  return SESSION.exec(fragment)?.[1] ?? null;
}

/** Tells of sessions that links name later. */
export function followSessionLinks(tell: (threadId: string) => void): void {
  onSession = tell;
}

/** Tells of codes that come later. */
export function followPairing(tell: (code: string) => void): void {
  onCode = tell;
}

function take(): string | null {
  const fragment = location.hash;
  if (fragment === "") return null;
  history.replaceState(history.state, "", "/");
  session = sessionOf(fragment);
  if (!fragment.startsWith(FRAGMENT)) return null;
  const code = fragment.slice(FRAGMENT.length);
  return CODE.test(code) ? code : "";
}
