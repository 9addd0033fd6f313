// All sessions: by folder, whoever needs a person first, with a search. Not one session.

import { useEffect, useRef, useState } from "preact/hooks";
import { memo } from "preact/compat";
import { go, searchHistory, signOut, type Hit } from "../app/actions";
import { asking, authRequired, linkUp, openThread, state, summaries, view } from "../app/model";
import { unread } from "../app/seen";
import { groups, shownState, titleOf, type Group } from "../store/summaries";
import type { SessionState, Summary } from "../wire/types";
import { Icon } from "./Icon";
import { Age, StateMark } from "./marks";
import { Brand } from "./SignIn";
import { Text } from "./Text";

export function Sidebar() {
  const [search, setSearch] = useState("");
  const box = useRef<HTMLInputElement>(null);
  // Read for their changes only: `state` itself changes with every event, the list does not.
  void asking.value;
  const total = Object.keys(summaries.value).length;
  const found = groups(state.peek(), search);
  const marked = new Set(unread.value.split(","));

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) { event.preventDefault(); box.current?.focus(); }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return (
    <div class="side" role={view.value.at === "list" ? "main" : "complementary"} aria-label="Sessions">
      <div class="side-head">
        <Home />
        <button type="button" class="primary new" data-testid="new-session" onClick={() => go({ at: "new" })}><Icon name="plus" />New</button>
      </div>
      <div class="search">
        <Icon name="search" />
        <input ref={box} type="search" value={search} placeholder="Search sessions" aria-label="Search sessions" data-testid="search"
          onInput={(event) => setSearch(event.currentTarget.value)} />
      </div>
      {authRequired.value ? null : <p class="banner" role="note">This host runs without sign-in. Anybody who reaches its port can use it.</p>}
      <nav class="groups" aria-label="Sessions by folder">
        {found.map((group) => <Folder key={group.cwd} group={group} marked={marked} />)}
        {search.trim().length > 2 ? <History query={search.trim()} /> : null}
        {total === 0 ? <Nothing /> : found.length === 0 && search.trim().length <= 2 ? <p class="quiet pad">No title matches.</p> : null}
      </nav>
      <div class="side-foot">
        <button type="button" class={`quiet-button ${view.value.at === "host" ? "on" : ""}`} data-testid="host-page" onClick={() => go({ at: "host" })}><Icon name="server" />Host</button>
        {authRequired.value ? <button type="button" class="quiet-button" data-testid="sign-out" onClick={() => void signOut()}><Icon name="out" />Sign out</button> : null}
      </div>
    </div>
  );
}

function Home() {
  const button = <button type="button" class="plain-button" onClick={() => go({ at: "list" })} aria-label="All sessions"><Brand /></button>;
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
  return (
    <li>
      <button type="button" class={`row ${open ? "open" : ""} ${unread ? "unread" : ""}`} data-testid="session-row" data-thread={row.threadId}
        aria-current={open ? "page" : undefined} onClick={() => go({ at: "session", threadId: row.threadId })}>
        <span class="row-title">{unread ? <span class="unread-dot"><span class="sr">unread</span></span> : null}<Text text={title} /></span>
        <Age atMs={row.lastEventAtMs || row.updatedAtMs} />
        <span class="row-under">
          <StateMark state={shown} retryAtMs={retryAtMs} />
          {row.queued > 0 ? <span class="quiet">{row.queued} queued</span> : null}
          {row.preview && !row.preview.startsWith(title) ? <span class="row-preview"><Text text={row.preview} /></span> : null}
        </span>
      </button>
    </li>
  );
});

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
          <li key={`${hit.threadId}/${hit.itemId}`}>
            <button type="button" class="row" onClick={() => go({ at: "session", threadId: hit.threadId })}>
              <span class="row-title"><Text text={hit.title || "Session"} /></span>
              <span class="row-under"><span class="row-preview"><Text text={hit.snippet} /></span></span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
