// All sessions: by folder, whoever needs a person first, with a search. Not one session.

import { useEffect, useState } from "preact/hooks";
import { memo } from "preact/compat";
import { go, openPlace, searchHistory, signOut, type Hit } from "../app/actions";
import { install } from "../app/install";
import { asking, authRequired, helping, linkUp, openThread, state, summaries, terms, view } from "../app/model";
import { notifying, toggleNotify } from "../app/notify";
import { unread } from "../app/seen";
import { archived, groups, shownState, titleOf, type Group } from "../store/summaries";
import type { SessionState, Summary } from "../wire/types";
import { Icon } from "./Icon";
import { Age, StateMark } from "./marks";
import { touch } from "./PromptField";
import { Brand } from "./SignIn";
import { Text } from "./Text";

export function Sidebar() {
  const [search, setSearch] = useState("");
  // Read for their changes only: `state` itself changes with every event, the list does not.
  void asking.value;
  const total = Object.keys(summaries.value).length;
  const found = groups(state.peek(), search);
  const marked = new Set(unread.value.split(","));

  return (
    <div class="side" role={view.value.at === "list" ? "main" : "complementary"} aria-label="Sessions">
      <div class="side-head">
        <Home />
        <button type="button" class="primary new" data-testid="new-session" onClick={() => go({ at: "new" })}><Icon name="plus" />New</button>
      </div>
      <div class="search">
        <Icon name="search" />
        <input type="search" value={search} placeholder="Search sessions" aria-label="Search sessions" data-testid="search"
          onInput={(event) => setSearch(event.currentTarget.value)} />
      </div>
      {authRequired.value ? null : <p class="banner" role="note">This host runs without sign-in. Anybody who reaches its port can use it.</p>}
      {terms.value.redactionEnabled !== false ? null : <p class="banner" role="note">Secrets are shown and kept as they are: redaction is off.</p>}
      <nav class="groups" aria-label="Sessions by folder">
        {found.map((group) => <Folder key={group.cwd} group={group} marked={marked} />)}
        {search.trim().length > 2 ? <History query={search.trim()} /> : null}
        {search.trim() === "" ? <Archived rows={archived(state.peek())} /> : null}
        {total === 0 ? <Nothing /> : found.length === 0 && search.trim().length <= 2 ? <p class="quiet pad">No title matches.</p> : null}
      </nav>
      <div class="side-foot">
        <button type="button" class={`quiet-button ${view.value.at === "host" ? "on" : ""}`} data-testid="host-page" onClick={() => go({ at: "host" })}><Icon name="server" />Host</button>
        <span class="side-foot-end">
          {install.value ? <button type="button" class="icon-button" aria-label="Install holdfast on this device" title="Install holdfast on this device" data-testid="install" onClick={() => install.value?.()}><Icon name="install" /></button> : null}
          <button type="button" class={`icon-button ${notifying.value === "on" ? "on" : ""}`} aria-pressed={notifying.value === "on"} data-testid="notify" disabled={notifying.value === "no"}
            aria-label="Call me when a session needs me" title={notifying.value === "no" ? "The browser does not let this page notify" : notifying.value === "on" ? "You are called when a session needs you" : "Call me when a session needs me"}
            onClick={() => void toggleNotify()}><Icon name={notifying.value === "on" ? "bell" : "bellOff"} /></button>
          {touch.matches ? null : <button type="button" class="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" data-testid="help" onClick={() => { helping.value = true; }}><Icon name="keys" /></button>}
          {authRequired.value ? <button type="button" class="icon-button" aria-label="Sign out" title="Sign out" data-testid="sign-out" onClick={() => void signOut()}><Icon name="out" /></button> : null}
        </span>
      </div>
    </div>
  );
}

function Home() {
  const button = <button type="button" class="plain-button" onClick={() => go({ at: "list" })} aria-label="holdfast: all sessions"><Brand /></button>;
  return view.value.at === "list" ? <h1>{button}</h1> : button;
}

function Nothing() {
  if (!linkUp.value || !state.value.listed) return <p class="quiet pad">{linkUp.value ? "Reading the list…" : "The list comes when the host answers."}</p>;
  return (
    <div class="empty pad">
      <p><strong>No sessions yet.</strong></p>
      <p class="quiet">A session is one conversation with Codex in one folder. It goes on when you close this page.</p>
    </div>
  );
}

function Folder({ group, marked }: { group: Group; marked: ReadonlySet<string> }) {
  const cut = group.cwd.lastIndexOf("/", group.cwd.length - 2);
  return (
    <section class="folder">
      <h2 title={group.cwd}><Icon name="folder" /><span class="folder-parent"><Text text={group.cwd.slice(0, cut + 1)} /></span><span class="folder-name"><Text text={group.cwd.slice(cut + 1) || "/"} /></span></h2>
      <ul>
        {group.rows.map((row) => {
          const { sessions, retryAtMs } = state.peek();
          return (
            <Row key={row.threadId} row={row} shown={shownState(row, sessions[row.threadId])} open={openThread.value === row.threadId}
              unread={marked.has(row.threadId)} retryAtMs={retryAtMs[row.threadId]} />
          );
        })}
      </ul>
    </section>
  );
}

interface RowProps { row: Summary; shown: SessionState; open: boolean; unread: boolean; retryAtMs: number | undefined }

const Row = memo(function Row({ row, shown, open, unread, retryAtMs }: RowProps) {
  const title = titleOf(row);
  const share = row.usage?.window ? Math.round((row.usage.tokens / row.usage.window) * 100) || null : null;
  return (
    <li>
      <button type="button" class={`row ${open ? "open" : ""} ${unread ? "unread" : ""}`} data-testid="session-row" data-thread={row.threadId}
        aria-current={open ? "page" : undefined} onClick={() => go({ at: "session", threadId: row.threadId })}>
        <span class="row-title">{unread ? <span class="unread-dot"><span class="sr">unread</span></span> : null}<Text text={title} /></span>
        <Age atMs={row.lastEventAtMs || row.updatedAtMs} />
        <span class="row-under">
          <StateMark state={shown} retryAtMs={retryAtMs} />
          {row.queued > 0 ? <span class="quiet">{row.queued} queued</span> : null}
          {lastWords(row, title)}
          {share === null ? null : <span class="row-usage" title={`${row.usage!.tokens.toLocaleString("en")} tokens in the last request`}>{share} %<span class="sr"> of the context</span></span>}
        </span>
      </button>
    </li>
  );
});

/** What was said last, else what was asked first, unless the title says it. */
function lastWords(row: Summary, title: string) {
  const words = row.lastLine || (row.preview.startsWith(title) ? "" : row.preview);
  return words ? <span class="row-preview"><Text text={words} /></span> : null;
}

/** What was put away: folded, at the end. */
function Archived({ rows }: { rows: Summary[] }) {
  if (rows.length === 0) return null;
  return (
    <details class="fold archived" data-testid="archived">
      <summary><Icon name="chevron" class="fold-mark" /><Icon name="archive" />Archived <span class="quiet">{rows.length}</span></summary>
      <ul>{rows.map((row) => <Row key={row.threadId} row={row} shown={row.state} open={openThread.value === row.threadId} unread={false} retryAtMs={undefined} />)}</ul>
    </details>
  );
}

/** What all history says about the words, below the titles that match. */
function History({ query }: { query: string }) {
  const [hits, setHits] = useState<Hit[] | null>(null);
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => {
      searchHistory(query).then((found) => { if (!gone) setHits(found); }, () => { if (!gone) setHits([]); });
    }, 300);
    return () => { gone = true; clearTimeout(timer); };
  }, [query]);
  if (hits === null) return <p class="quiet pad small">Searching the history…</p>;
  if (hits.length === 0) return <p class="quiet pad small">Nothing in the history.</p>;
  return (
    <section class="folder">
      <h2><Icon name="search" />In the history</h2>
      <ul>
        {hits.map((hit) => (
          <li key={`${hit.threadId}/${hit.turnId}/${hit.itemId}`}>
            <button type="button" class="row" data-testid="search-hit" onClick={() => void openPlace({ ...hit, query })}>
              <span class="row-title"><Text text={hit.title || titleOf(state.peek().summaries[hit.threadId])} /></span>
              <span class="row-snippet"><Found text={hit.snippet} query={query} /></span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The words that were looked for stand out. */
function Found({ text, query }: { text: string; query: string }) {
  const words = query.split(/[^\p{L}\p{N}_]+/u).filter((word) => word.length > 1).map((word) => word.toLowerCase());
  if (words.length === 0) return <Text text={text} />;
  // Letters, digits and "_" alone: nothing in them means something to an expression.
  const parts = text.split(new RegExp(`(${words.join("|")})`, "iu"));
  return <>{parts.map((part, at) => (words.includes(part.toLowerCase()) ? <mark key={at}>{part}</mark> : <Text key={at} text={part} />))}</>;
}
