// Signing in with a pairing link: one button, since a link alone must never sign anybody in or out. What the link holds is
// not shown.

import { useEffect, useRef, useState } from "preact/hooks";
import { leavePairing, pair } from "../app/connection";
import { now } from "../app/model";
import { secondsUntil } from "../text/ages";
import { Brand } from "./SignIn";

const BROKEN = "This link is not whole. Copy all of it, or scan the code again.";

export function Pairing({ code }: { code: string }) {
  const button = useRef<HTMLButtonElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(code === "" ? BROKEN : "");
  const [retryAtMs, setRetryAtMs] = useState(0);
  const wait = secondsUntil(retryAtMs, now.value);

  useEffect(() => {
    setFailure(code === "" ? BROKEN : "");
    setRetryAtMs(0);
    button.current?.focus();
  }, [code]);

  async function submit(event: Event) {
    event.preventDefault();
    if (busy || wait > 0) return;
    setBusy(true);
    setFailure("");
    const answer = await pair(code);
    setBusy(false);
    if (answer.ok) return;
    setFailure(answer.text);
    if (answer.retryInMs) setRetryAtMs(Date.now() + answer.retryInMs);
  }

  const over = failure !== "" && retryAtMs === 0;
  return (
    <main class="signin">
      <form class="signin-card" onSubmit={submit}>
        <Brand />
        <h1>Sign in this device to <span class="host-name">{location.host}</span></h1>
        <p class="quiet">The link works once. Whoever is signed in can use this host&apos;s Codex sessions; if this browser is signed in already, the new sign-in takes its place.</p>
        <div role="alert" class="failure" data-testid="pair-error" hidden={failure === ""}>
          {failure}{wait > 0 ? ` Try again in ${wait} s.` : ""}
        </div>
        {over ? null : <button ref={button} class="primary wide" type="submit" data-testid="pair-submit" disabled={busy || wait > 0}>{busy ? "Signing in…" : wait > 0 ? `Wait ${wait} s` : "Sign in this device"}</button>}
        <button class="button wide" type="button" data-testid="pair-leave" disabled={busy} onClick={() => void leavePairing()}>{over ? "Go on without the link" : "Not now"}</button>
      </form>
    </main>
  );
}
