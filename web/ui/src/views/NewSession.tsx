// The start of a session: what Codex should do, where, and with what rights. Sending makes the session and its first
// prompt at once. Not the composer of a running session: Composer.tsx.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { go, send, startSession } from "../app/actions";
import { ceilings, models, wantModels } from "../app/choices";
import { linkUp, summaries } from "../app/model";
import { Icon } from "./Icon";
import { Attached, ImageButton, PromptField, useDraft, useDraftImages } from "./PromptField";

/** Folders that are offered: where the newest sessions are. */
const FOLDERS_MAX = 20;

const SANDBOX_WORDS: Record<string, string> = { "read-only": "nothing (read only)", "workspace-write": "this folder", "danger-full-access": "everything, no sandbox" };
const APPROVAL_WORDS: Record<string, string> = { untrusted: "before every command", "on-request": "when it needs more rights", never: "never" };

type ChooserProps = { start: string; choose: (path: string) => void; close: () => void };

/** The chooser loads when it is first opened. */
function Chooser(props: ChooserProps) {
  const [Inside, setInside] = useState<ComponentType<ChooserProps> | null>(null);
  useEffect(() => { void import("./FolderChooser").then((module) => setInside(() => module.default)); }, []);
  return Inside ? <Inside {...props} /> : null;
}

export function NewSession() {
  const [words, write] = useDraft("new");
  const [images, changeImages] = useDraftImages("new");
  const [cwd, setCwd] = useState<string | null>(null);
  const [choosing, setChoosing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const folders = [...new Set(Object.values(summaries.value).sort((a, b) => b.updatedAtMs - a.updatedAtMs).map((one) => one.cwd))].slice(0, FOLDERS_MAX);
  const up = linkUp.value;
  useEffect(wantModels, [up]);
  const { sandboxes, approvals } = ceilings();
  const [model, setModel] = useState("");
  const efforts = (models.value.find((one) => one.id === model) ?? models.value[0])?.efforts ?? [];
  const folder = cwd ?? folders[0] ?? "";
  const empty = words.trim() === "" && images.length === 0;

  async function submit(form: HTMLFormElement) {
    if (busy || !up || empty) return;
    const data = new FormData(form);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const cwd = field("cwd");
    if (cwd !== "" && !cwd.startsWith("/")) return setFailure("Write the whole path of the folder on the host, from /.");
    setBusy(true);
    setFailure("");
    const chosen = Object.fromEntries(["cwd", "model", "sandbox", "approvalPolicy"].map((name) => [name, field(name)]).filter(([, value]) => value !== ""));
    const result = await startSession(chosen);
    setBusy(false);
    if ("failure" in result) return setFailure(`No session was started: ${result.failure}.`);
    send(result.threadId, words.trim(), "now", { ...(images.length > 0 ? { images } : {}), ...(field("effort") ? { overrides: { effort: field("effort") } } : {}) });
    write("");
    changeImages(() => []);
    go({ at: "session", threadId: result.threadId }, "replace");
  }

  return (
    <div class="session">
      <div class="head">
        <button type="button" class="icon-button only-phone" onClick={() => go({ at: "list" })} aria-label="All sessions"><Icon name="back" /></button>
        <h1>New session</h1>
        <p class="head-under"><span class="head-about">One conversation in one folder; it goes on without this page.</span></p>
      </div>
      <form class="new-session" data-testid="new-form" onSubmit={(event) => { event.preventDefault(); void submit(event.currentTarget); }}>
        <div class="composer">
          <Attached images={images} change={changeImages} />
          <PromptField cwd={folder || undefined} addImages={changeImages} words={words} write={write} submit={(form) => void submit(form)} placeholder="What should Codex do?" label="First prompt" rows={4} focus />
          {up ? null : <p class="composer-hint small" role="status">Not connected: a session starts when the host is back.</p>}
          <div class="composer-foot">
            <div class="composer-tools composer-tools-only"><ImageButton change={changeImages} /></div>
            <button type="submit" class="primary" data-testid="send" disabled={busy || !up || empty}><Icon name="send" />{busy ? "Starting Codex…" : "Start"}</button>
          </div>
        </div>
        <div role="alert" class="failure" hidden={failure === ""}>{failure}</div>
        <div class="new-fields">
          <div class="new-folder">
            <label for="new-cwd">Folder on the host</label>
            <div class="with-button">
              <input id="new-cwd" name="cwd" list="new-folders" data-testid="new-cwd" autocapitalize="off" autocomplete="off" spellcheck={false} value={folder} onInput={(event) => setCwd(event.currentTarget.value)} class="mono" placeholder="the host's own folder" />
              <button type="button" class="button" data-testid="choose-folder" disabled={!up} onClick={() => setChoosing(true)}><Icon name="folder" />Choose</button>
            </div>
            <datalist id="new-folders">{folders.map((one) => <option key={one} value={one} />)}</datalist>
            {choosing ? <Chooser start={folder} choose={setCwd} close={() => setChoosing(false)} /> : null}
          </div>
          <div>
            <label for="new-model">Model</label>
            <select id="new-model" name="model" data-testid="new-model" value={model} onChange={(event) => setModel(event.currentTarget.value)}>
              <option value="">as configured</option>
              {models.value.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
            </select>
          </div>
          <div>
            <label for="new-effort">Effort</label>
            <select id="new-effort" name="effort" data-testid="new-effort">
              <option value="">as configured</option>
              {efforts.map((effort) => <option key={effort} value={effort}>{effort}</option>)}
            </select>
          </div>
          <div>
            <label for="new-sandbox">Commands may change</label>
            <select id="new-sandbox" name="sandbox" data-testid="new-sandbox">
              <option value="">as configured</option>
              {sandboxes.map(([word]) => <option key={word} value={word}>{SANDBOX_WORDS[word] ?? word}</option>)}
            </select>
          </div>
          <div>
            <label for="new-approval">Codex asks you</label>
            <select id="new-approval" name="approvalPolicy" data-testid="new-approval">
              <option value="">as configured</option>
              {approvals.map(([word]) => <option key={word} value={word}>{APPROVAL_WORDS[word] ?? word}</option>)}
            </select>
          </div>
        </div>
      </form>
    </div>
  );
}
