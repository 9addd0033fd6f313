// The start of a session: what Codex should do, where, and with what rights. Sending makes the session and its first
// prompt at once. Not the composer of a running session: Composer.tsx.

import { useState } from "preact/hooks";
import { go, send, startSession } from "../app/actions";
import { linkUp, summaries } from "../app/model";
import { Icon } from "./Icon";
import { PromptField, useDraft } from "./PromptField";

/** Folders that are offered: where the newest sessions are. */
const FOLDERS_MAX = 20;

export function NewSession() {
  const [words, write] = useDraft("new");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const folders = [...new Set(Object.values(summaries.value).sort((a, b) => b.updatedAtMs - a.updatedAtMs).map((one) => one.cwd))].slice(0, FOLDERS_MAX);
  const up = linkUp.value;

  async function submit(form: HTMLFormElement) {
    if (busy || !up || words.trim() === "") return;
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
    send(result.threadId, words.trim(), "now");
    write("");
    go({ at: "session", threadId: result.threadId }, "replace");
  }

  return (
    <div class="session">
      <div class="head">
        <button type="button" class="icon-button only-phone" onClick={() => go({ at: "list" })} aria-label="All sessions"><Icon name="back" /></button>
        <h1>New session</h1>
        <p class="head-under">One conversation in one folder; it goes on without this page.</p>
      </div>
      <form class="new-session" data-testid="new-form" onSubmit={(event) => { event.preventDefault(); void submit(event.currentTarget); }}>
        <div class="composer">
          <PromptField words={words} write={write} submit={(form) => void submit(form)} placeholder="What should Codex do?" label="First prompt" rows={4} focus />
          <div class="composer-foot">
            <span class="quiet small composer-hint">{up ? "" : "Not connected: a session starts when the host is back."}</span>
            <button type="submit" class="primary" data-testid="send" disabled={busy || !up || words.trim() === ""}><Icon name="send" />{busy ? "Starting Codex…" : "Start"}</button>
          </div>
        </div>
        <div role="alert" class="failure" hidden={failure === ""}>{failure}</div>
        <div class="new-fields">
          <div class="new-folder">
            <label for="new-cwd">Folder on the host</label>
            <input id="new-cwd" name="cwd" list="new-folders" data-testid="new-cwd" autocapitalize="off" autocomplete="off" spellcheck={false} defaultValue={folders[0] ?? ""} class="mono" placeholder="the host's own folder" />
            <datalist id="new-folders">{folders.map((folder) => <option key={folder} value={folder} />)}</datalist>
          </div>
          <div>
            <label for="new-model">Model</label>
            <input id="new-model" name="model" data-testid="new-model" autocapitalize="off" autocomplete="off" spellcheck={false} placeholder="as configured" />
          </div>
          <div>
            <label for="new-sandbox">Commands may change</label>
            <select id="new-sandbox" name="sandbox" data-testid="new-sandbox">
              <option value="">as configured</option>
              <option value="read-only">nothing (read only)</option>
              <option value="workspace-write">this folder</option>
              <option value="danger-full-access">everything, no sandbox</option>
            </select>
          </div>
          <div>
            <label for="new-approval">Codex asks you</label>
            <select id="new-approval" name="approvalPolicy" data-testid="new-approval">
              <option value="">as configured</option>
              <option value="untrusted">before every command</option>
              <option value="on-request">when it needs more rights</option>
              <option value="never">never</option>
            </select>
          </div>
        </div>
      </form>
    </div>
  );
}
