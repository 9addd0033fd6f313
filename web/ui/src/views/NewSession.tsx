// The dialog that starts a session: where, and with what rights. Not its first prompt: the composer is open at once.

import { useEffect, useRef, useState } from "preact/hooks";
import { startSession } from "../app/actions";
import { state } from "../app/model";

export function NewSession({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const folders = [...new Set(Object.values(state.value.summaries).sort((a, b) => b.updatedAtMs - a.updatedAtMs).map((one) => one.cwd))].slice(0, 20);

  useEffect(() => dialog.current?.showModal(), []);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const cwd = field("cwd");
    if (!cwd.startsWith("/")) return setFailure("Write the whole path of the folder on the host, from /.");
    setBusy(true);
    setFailure("");
    const result = await startSession({
      cwd,
      ...(field("model") ? { model: field("model") } : {}),
      ...(field("sandbox") ? { sandbox: field("sandbox") } : {}),
      ...(field("approvalPolicy") ? { approvalPolicy: field("approvalPolicy") } : {}),
    });
    setBusy(false);
    if ("failure" in result) setFailure(`No session was started: ${result.failure}.`);
    else close();
  }

  return (
    <dialog ref={dialog} class="dialog" onClose={close} aria-labelledby="new-title">
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="new-title">New session</h2>
        <label for="new-cwd">Folder on the host</label>
        <input id="new-cwd" name="cwd" list="new-folders" required data-testid="new-cwd" autocapitalize="off" spellcheck={false} defaultValue={folders[0] ?? ""} class="mono" placeholder="/home/me/project" />
        <datalist id="new-folders">{folders.map((folder) => <option key={folder} value={folder} />)}</datalist>
        <label for="new-model">Model <span class="quiet">(optional)</span></label>
        <input id="new-model" name="model" data-testid="new-model" autocapitalize="off" spellcheck={false} placeholder="as configured" />
        <div class="two">
          <div>
            <label for="new-sandbox">What commands may touch</label>
            <select id="new-sandbox" name="sandbox" data-testid="new-sandbox">
              <option value="">as configured</option>
              <option value="read-only">nothing (read only)</option>
              <option value="workspace-write">this folder</option>
              <option value="danger-full-access">everything, no sandbox</option>
            </select>
          </div>
          <div>
            <label for="new-approval">When Codex asks you</label>
            <select id="new-approval" name="approvalPolicy" data-testid="new-approval">
              <option value="">as configured</option>
              <option value="untrusted">before every command</option>
              <option value="on-request">when it needs more rights</option>
              <option value="never">never</option>
            </select>
          </div>
        </div>
        <div role="alert" class="failure" hidden={failure === ""}>{failure}</div>
        <div class="dialog-foot">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>Cancel</button>
          <button type="submit" class="primary" data-testid="new-start" disabled={busy}>{busy ? "Starting Codex…" : "Start"}</button>
        </div>
      </form>
    </dialog>
  );
}
