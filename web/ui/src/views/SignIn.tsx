// The way in: one field, and words that say what to do when it does not work. The token is never kept anywhere.

import { useEffect, useRef, useState } from "preact/hooks";
import { begin } from "../app/connection";
import { now } from "../app/model";
import { signIn } from "../wire/signin";
import { secondsUntil } from "../text/ages";

export function SignIn({ reason }: { reason: string }) {
  const field = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const [retryAtMs, setRetryAtMs] = useState(0);
  const wait = secondsUntil(retryAtMs, now.value);

  useEffect(() => field.current?.focus(), []);

  async function submit(event: Event) {
    event.preventDefault();
    const input = field.current;
    const token = input?.value.trim() ?? "";
    if (!input || busy || wait > 0) return;
    if (token === "") return setFailure("Paste the token first.");
    setBusy(true);
    setFailure("");
    const answer = await signIn(token);
    setBusy(false);
    if (answer.ok) {
      input.value = "";
      await begin();
      return;
    }
    setFailure(answer.text);
    if (answer.retryInMs) setRetryAtMs(Date.now() + answer.retryInMs);
    input.select();
  }

  return (
    <main class="signin">
      <form class="signin-card" onSubmit={submit}>
        <Brand />
        <h1>Sign in to this host</h1>
        <p class="quiet">{reason || "Your Codex sessions run on, whether this page is open or not."}</p>
        <label for="token">Token</label>
        <input
          ref={field} id="token" name="token" type="password" data-testid="login-token" autocomplete="current-password" autocapitalize="off"
          spellcheck={false} placeholder="hft_…" aria-describedby="signin-help" aria-invalid={failure !== ""} enterkeyhint="go"
        />
        <p id="signin-help" class="quiet small">It is sent to the host once; this page does not keep it. Or run <code>holdfast pair</code> on the host and open its link here.</p>
        <div role="alert" class="failure" data-testid="login-error" hidden={failure === ""}>
          {failure}{wait > 0 ? ` Try again in ${wait} s.` : ""}
        </div>
        <button class="primary wide" type="submit" data-testid="login-submit" disabled={busy || wait > 0}>
          {busy ? "Signing in…" : wait > 0 ? `Wait ${wait} s` : "Sign in"}
        </button>
      </form>
    </main>
  );
}

export function Brand() {
  return (
    <span class="brand">
      <BrandMark />
      holdfast
    </span>
  );
}

export function BrandMark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" class="brand-mark">
      <path d="M16 4c4 4-4 8 0 12s-4 7 0 9" />
      <path d="M8 28c1-4 4.5-4 8-3.5 3.5-.5 7-.5 8 3.5" />
      <path d="M16 13c2-3 5-3 7-5M16 17c-2-3-5-3-7-5" />
    </svg>
  );
}
