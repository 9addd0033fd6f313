// Signing in and proving it: the token is sent once and never kept; the proof lives in sessionStorage. Not the socket.
// Nothing here comes from the page's address.

const PROOF = "holdfast.proof";

export type SignInAnswer =
  | { ok: true }
  | { ok: false; text: string; retryInMs?: number };

export interface SignInState {
  /** Whether the host wants a sign-in at all. */
  required: boolean;
  /** Whether this browser's sign-in still holds; `null` when the host does not say. */
  valid: boolean | null;
}

/** `null` when the host cannot be reached. */
export async function signInState(): Promise<SignInState | null> {
  try {
    const response = await fetch("/login", { headers: { accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(10_000) });
    if (!response.ok) return null;
    const body: unknown = await response.json();
    const { required, signedIn } = body as { required?: unknown; signedIn?: unknown };
    return { required: required !== false, valid: typeof signedIn === "boolean" ? signedIn : null };
  } catch {
    return null;
  }
}

/** Signs in at this page's own host and no other, with a token or with the code of a pairing link. */
export async function signIn(token: string, by: "token" | "link" = "token"): Promise<SignInAnswer> {
  let response: Response;
  try {
    response = await fetch("/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    return { ok: false, text: "The host does not answer. Check that holdfast is running and that this device can reach it, then try again." };
  }
  const body = (await response.json().catch(() => ({}))) as { proof?: unknown; error?: unknown };
  if (response.ok && typeof body.proof === "string") {
    sessionStorage.setItem(PROOF, body.proof);
    return { ok: true };
  }
  const said = typeof body.error === "string" ? ` The host said: ${body.error}` : "";
  switch (response.status) {
    case 401:
      if (by === "link") return { ok: false, text: "This link has been used, or its time is over. Run `holdfast pair` on the host again and open the new link." };
      return { ok: false, text: "This token is not the right one. Copy it again from where the host's owner keeps it; “holdfast token new” makes another." };
    case 429: {
      const seconds = Number(response.headers.get("retry-after") ?? "30");
      return { ok: false, text: "Too many tries. The host takes the next one soon.", retryInMs: (Number.isFinite(seconds) ? Math.max(1, seconds) : 30) * 1000 };
    }
    case 403:
    case 421:
      return { ok: false, text: `The host does not accept this page's address. Add it to allowed_hosts and allowed_origins in the host's configuration.${said}` };
    default:
      return { ok: false, text: `The sign-in failed (${response.status}).${said} Try again, or look into the host's log.` };
  }
}

export async function signOut(): Promise<void> {
  forgetProof();
  await fetch("/logout", { method: "POST", cache: "no-store", signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
}

export function hasProof(): boolean {
  return sessionStorage.getItem(PROOF) !== null;
}

export function forgetProof(): void {
  sessionStorage.removeItem(PROOF);
}

/** The answer to the host's challenge; `null` when this tab holds no proof or the browser offers no cryptography. */
export async function macOf(nonce: string): Promise<string | null> {
  const proof = sessionStorage.getItem(PROOF);
  if (proof === null || !globalThis.crypto?.subtle) return null;
  const key = await crypto.subtle.importKey("raw", fromBase64Url(proof), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return toBase64Url(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(nonce))));
}

function fromBase64Url(value: string): Uint8Array<ArrayBuffer> {
  const binary = atob(value.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
