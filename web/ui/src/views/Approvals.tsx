// What Codex asks a person before it goes on. Each card shows the raw thing that would be done, and its buttons work only
// after they were in sight for half a second, and only for a real press. Forms are in Questions.tsx.

import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { answer, interrupt } from "../app/actions";
import { link } from "../app/model";
import { COMMAND, ELICITATION, FILES, PERMISSIONS, QUESTIONS } from "../app/requests";
import type { Session } from "../store/state";
import { list, record, text, type PendingRequest } from "../wire/types";
import { Changes } from "./FileChange";
import { Icon } from "./Icon";
import { Elicitation, Questions } from "./Questions";
import { Text } from "./Text";

/** So long must the buttons have been in sight: nobody approves what jumped under the finger. */
const SEEN_MS = 500;

export function Approvals({ session }: { session: Session }) {
  const [first, ...others] = session.pending;
  if (!first) return null;
  return (
    <section class="approvals" aria-label="Codex needs you" role="region">
      <div class="sr" role="status" aria-live="assertive">Codex needs you: {titleOf(first)}</div>
      <Card key={String(first.id)} session={session} request={first} />
      {others.length > 0 ? <p class="quiet small pad-small center">{others.length} more {others.length === 1 ? "question waits" : "questions wait"} behind this one</p> : null}
    </section>
  );
}

function titleOf(request: PendingRequest): string {
  switch (request.method) {
    case COMMAND: return text(record(request.params["networkApprovalContext"])["host"]) ? "Codex wants to reach the network" : request.params["kind"] === "stdin" ? "Codex wants to type into a command" : "Codex wants to run a command";
    case FILES: return "Codex wants to change files";
    case PERMISSIONS: return "Codex asks for more rights";
    case QUESTIONS: return "Codex has a question";
    case ELICITATION: return `${text(request.params["serverName"]) || "A tool"} asks for something`;
    default: return "Codex asks";
  }
}

function Card({ session, request }: { session: Session; request: PendingRequest }) {
  const { params, method } = request;
  const give = (result: unknown) => answer(session.threadId, request.id, result);
  const form = method === QUESTIONS || method === ELICITATION;
  return (
    <article class="approval" data-testid="approval" data-method={method} data-request={String(request.id)}>
      <h2><Icon name="needsYou" />{titleOf(request)}</h2>
      {method === QUESTIONS ? <Questions request={request} give={give} stop={() => interrupt(session.threadId, text(params["turnId"]))} /> : null}
      {method === ELICITATION ? <Elicitation request={request} give={give} /> : null}
      {form ? null : (
        <>
          <div class="approval-body" tabIndex={0}><Body session={session} request={request} /></div>
          <Decisions request={request} give={give} />
        </>
      )}
    </article>
  );
}

function Body({ session, request }: { session: Session; request: PendingRequest }) {
  const { params, method } = request;
  const item = session.turns.flatMap((turn) => turn.items).findLast((one) => one.itemId === text(params["itemId"]));
  const host = record(params["networkApprovalContext"]);
  const wider = params["additionalPermissions"] ?? params["permissions"];
  return (
    <>
      {text(params["reason"]) ? <p class="reason"><Text text={text(params["reason"])} /></p> : null}
      {text(host["host"]) ? <p>Host <code>{text(host["protocol"])}://<Text text={text(host["host"])} /></code></p> : null}
      {text(params["command"]) ? <pre class="raw-command" data-testid="approval-command"><Text text={text(params["command"])} /></pre> : null}
      {method === FILES && item ? <Changes id={String(request.id)} changes={list(item.item["changes"])} open={list(item.item["changes"]).length <= 3} /> : null}
      {method === FILES && !item ? <p class="failure">The change itself is not in this page's history. Decline unless you know it.</p> : null}
      {text(params["grantRoot"]) ? <p>For the rest of the session, also everything under <code><Text text={text(params["grantRoot"])} /></code></p> : null}
      {wider ? <pre class="json"><Text text={JSON.stringify(wider, null, 2)} /></pre> : null}
      {text(params["cwd"]) ? <p class="small quiet">in <code><Text text={text(params["cwd"])} /></code></p> : null}
    </>
  );
}

function Decisions({ request, give }: { request: PendingRequest; give: (result: unknown) => void }) {
  const [ref, ready] = useSeen();
  const press = (result: unknown) => (event: MouseEvent) => { if (event.isTrusted && ready) give(result); };
  const rights = request.method === PERMISSIONS;
  const granted = request.params["permissions"] ?? {};
  const choice = (decision: string) => (rights
    ? { permissions: decision.startsWith("accept") ? granted : {}, scope: decision === "acceptForSession" ? "session" : "turn" }
    : { decision });
  useEffect(() => {
    if (!ready) return;
    const onKey = (event: KeyboardEvent) => {
      const decision = event.altKey && !event.ctrlKey && !event.metaKey && !event.repeat ? KEYS[event.code] : undefined;
      if (!decision || !event.isTrusted || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      give(choice(decision));
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [ready]);
  return (
    <div class="decisions" ref={ref} data-ready={ready}>
      <Choice class="primary" id="approve-accept" ready={ready} keys="Alt+A" onClick={press(choice("accept"))}>Accept</Choice>
      <Choice class="button" id="approve-session" ready={ready} keys="Alt+S" onClick={press(choice("acceptForSession"))}>Accept for session</Choice>
      <Choice class="button" id="approve-decline" ready={ready} keys="Alt+D" onClick={press(choice("decline"))}>Decline</Choice>
      {rights ? null : <Choice class="button danger" id="approve-cancel" ready={ready} onClick={press(choice("cancel"))}>Cancel turn</Choice>}
    </div>
  );
}

/** By their place on the keyboard; cancelling has none, because it ends more than the question. */
const KEYS: Record<string, string> = { KeyA: "accept", KeyS: "acceptForSession", KeyD: "decline" };

interface ChoiceProps { class: string; id: string; ready: boolean; keys?: string; onClick: (event: MouseEvent) => void; children: string }

function Choice({ class: look, id, ready, keys, onClick, children }: ChoiceProps): JSX.Element {
  return <button type="button" class={look} data-testid={id} disabled={!ready} title={keys} aria-keyshortcuts={keys} onClick={onClick}>{children}</button>;
}

/** True once the element was in sight of a visible page for `SEEN_MS` without a break, while the host can hear the answer. */
export function useSeen(): [RefObject<HTMLDivElement | null>, boolean] {
  const ref = useRef<HTMLDivElement | null>(null);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    let timer: number | undefined;
    let inSight = false;
    const judge = () => {
      clearTimeout(timer);
      if (inSight && document.visibilityState === "visible") timer = window.setTimeout(() => setReady(true), SEEN_MS);
      else setReady(false);
    };
    const watcher = new IntersectionObserver((entries) => {
      inSight = (entries.at(-1)?.intersectionRatio ?? 0) > 0.9;
      judge();
    }, { threshold: [0, 0.9, 1] });
    watcher.observe(element);
    document.addEventListener("visibilitychange", judge);
    return () => { clearTimeout(timer); watcher.disconnect(); document.removeEventListener("visibilitychange", judge); };
  }, []);
  return [ref, ready && link.value.state === "up"];
}
