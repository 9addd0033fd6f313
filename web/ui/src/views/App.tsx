// The whole page: sign-in, or the list beside what is open, with the truth line. Not any of them.

import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { helping, linkUp, needsYou, openThread, pageTitle, pairing, signInReason, toast, view } from "../app/model";
import { shownText } from "../text/pieces";
import { NewSession } from "./NewSession";
import { Pairing } from "./Pairing";
import { Session } from "./Session";
import { Sidebar } from "./Sidebar";
import { BrandMark, SignIn } from "./SignIn";
import { Text } from "./Text";
import { TruthLine } from "./TruthLine";

/** A browser shows less of a title; sessions can be named by anybody. */
const TITLE_MAX = 100;

export function App() {
  const reason = signInReason.value;
  const code = pairing.value;
  const needing = needsYou.value;
  const threadId = openThread.value;
  const title = shownText(pageTitle.value).slice(0, TITLE_MAX);
  useEffect(() => { document.title = needing > 0 ? `(${needing}) needs you · ${title}` : title; }, [needing, title]);

  if (code !== null) return <Pairing code={code} />;
  if (reason !== null) return <SignIn reason={reason} />;
  return (
    <div class="shell" data-view={view.value.at} data-link={linkUp.value ? "up" : "down"}>
      <Sidebar />
      <div class="main" role={view.value.at === "list" ? "region" : "main"} aria-label={view.value.at === "list" ? "Nothing open" : undefined}>{threadId !== null ? <Session threadId={threadId} /> : view.value.at === "host" ? <HostPage /> : view.value.at === "new" ? <NewSession /> : <NothingOpen />}</div>
      <TruthLine />
      <Toast />
      {helping.value ? <HelpPage /> : null}
      <div class="sr" role="status" aria-live="polite">{needing > 0 ? `${needing} ${needing === 1 ? "session needs" : "sessions need"} you` : ""}</div>
    </div>
  );
}

function NothingOpen() {
  return (
    <div class="nothing">
      <BrandMark />
      <p>Choose a session, or start a new one.</p>
    </div>
  );
}

/** Loads a view when it is first looked at. */
function later(load: () => Promise<{ default: ComponentType }>): () => JSX.Element {
  return function Later() {
    const [Page, setPage] = useState<ComponentType | null>(null);
    useEffect(() => { void load().then((module) => setPage(() => module.default)); }, []);
    return Page ? <Page /> : <p class="quiet pad">Loading…</p>;
  };
}

const HostPage = later(() => import("./Host"));
const HelpPage = later(() => import("./Help"));

function Toast() {
  const said = toast.value;
  return <div class="toasts" role="status" aria-live="polite">{said ? <div key={said.id} class={`toast toast-${said.tone}`} data-testid="toast"><Text text={said.text} /></div> : null}</div>;
}
