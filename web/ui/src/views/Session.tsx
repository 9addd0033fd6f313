// One session: its head, its turns, what it asks, and the composer. Not how turns look: Turn.tsx.

import { useEffect } from "preact/hooks";
import { go } from "../app/actions";
import { attach } from "../app/connection";
import { link, openFailure, openSession, say, state } from "../app/model";
import { shownState, titleOf } from "../store/summaries";
import type { Session as SessionData } from "../store/state";
import type { Summary } from "../wire/types";
import { Approvals } from "./Approvals";
import { Composer } from "./Composer";
import { Icon } from "./Icon";
import { StateMark } from "./marks";
import { Queue } from "./Queue";
import { SessionMenu } from "./SessionMenu";
import { Text } from "./Text";
import { Transcript } from "./Transcript";

export function Session({ threadId }: { threadId: string }) {
  const session = openSession.value;
  const summary = state.value.summaries[threadId];
  return (
    <div class="session">
      <SessionHead summary={summary} session={session} />
      {session ? <Transcript key={threadId} session={session} /> : <Waiting threadId={threadId} />}
      {session ? <Notices session={session} /> : null}
      <div class="dock">
        {session && session.pending.length > 0 ? <Approvals session={session} /> : null}
        <Queue threadId={threadId} queue={session?.queue ?? []} />
        <Composer key={threadId} threadId={threadId} session={session} summary={summary} />
      </div>
    </div>
  );
}

function Waiting({ threadId }: { threadId: string }) {
  const failure = openFailure.value;
  if (failure?.threadId === threadId) {
    return (
      <div class="transcript">
        <p class="failure" role="alert">The session does not open: {failure.text}.</p>
        <p class="pad center"><button type="button" class="button" onClick={() => attach(threadId)}>Try again</button></p>
      </div>
    );
  }
  return <div class="transcript"><p class="quiet pad center">{link.value.state === "up" ? "Opening the session…" : "The session opens when the host answers."}</p></div>;
}

function SessionHead({ summary, session }: { summary: Summary | undefined; session: SessionData | undefined }) {
  const usage = session?.usage;
  const share = usage?.window ? Math.round((usage.total / usage.window) * 100) : null;
  return (
    <div class="head">
      <button type="button" class="icon-button only-phone" onClick={() => go({ at: "list" })} aria-label="All sessions"><Icon name="back" /></button>
      <h1><Text text={titleOf(summary)} /></h1>
      {summary ? (
        <p class="head-under">
          <span class="mono head-cwd" title={summary.cwd}><bdi><Text text={summary.cwd} /></bdi></span>
          {summary.model ? <span>{summary.model}</span> : null}
          {!share ? null : <span title={`${usage?.total} tokens in the last request`}>{share} % of the context</span>}
        </p>
      ) : null}
      {summary ? <span class="head-state" role="status" aria-live="polite" data-testid="session-state"><StateMark state={shownState(summary, session)} retryAtMs={state.value.retryAtMs[summary.threadId]} /></span> : null}
      {summary ? <SessionMenu summary={summary} /> : null}
    </div>
  );
}

/** Says once what happened behind the person's back, as a toast and for screen readers. */
function Notices({ session }: { session: SessionData }) {
  const last = session.notices.at(-1);
  useEffect(() => {
    if (last && Date.now() - last.atMs < 5_000) say(last.text);
  }, [last?.id]);
  return null;
}
