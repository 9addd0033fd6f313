// What can be done with a session as a whole: rename, fork, archive, sum up, review, restart. Not with its turns.

import { useState } from "preact/hooks";
import { archive, compact, fork, rename, restartBridge, review, unarchive } from "../app/actions";
import { linkUp, renaming, say } from "../app/model";
import { titleOf } from "../store/summaries";
import type { Summary } from "../wire/types";
import { Dialog } from "./Dialog";
import { Menu } from "./Menu";

export function SessionMenu({ summary }: { summary: Summary }) {
  const { threadId } = summary;
  const off = !linkUp.value;
  const busy = summary.turn !== undefined;
  return (
    <>
      <Menu id="session-menu" label="Session actions" entries={[
        { label: "Rename", icon: "edit", id: "menu-rename", disabled: off, act: () => { renaming.value = threadId; } },
        { label: "Fork", icon: "fork", id: "menu-fork", disabled: off, act: () => void fork(threadId) },
        summary.archived
          ? { label: "Take back from archive", icon: "archive", id: "menu-unarchive", disabled: off, act: () => unarchive(threadId) }
          : { label: "Archive", icon: "archive", id: "menu-archive", disabled: off || busy, act: () => archive(threadId) },
        null,
        { label: "Review the changes", icon: "search", disabled: off || busy, act: () => review(threadId, "") },
        { label: "Sum up to make room", icon: "thought", disabled: off || busy, act: () => compact(threadId) },
        { label: "Copy the session's id", icon: "copy", act: () => void navigator.clipboard.writeText(threadId).then(() => say("Copied."), () => say("The browser does not allow copying here.", "bad")) },
        null,
        { label: "Restart Codex", icon: "restart", id: "bridge-restart", danger: busy, disabled: off, act: () => confirmRestart(summary) },
      ]} />
      {renaming.value === threadId ? <Rename summary={summary} /> : null}
    </>
  );
}

function Rename({ summary }: { summary: Summary }) {
  const [name, setName] = useState(titleOf(summary));
  const close = () => { renaming.value = null; };
  return (
    <Dialog title="Rename the session" close={close} id="rename-dialog">
      <form class="dialog-form" onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== "") rename(summary.threadId, name.trim());
        close();
      }}>
        <input value={name} aria-label="Name" data-testid="rename-name" maxLength={200} autoFocus onInput={(event) => setName(event.currentTarget.value)} onFocus={(event) => event.currentTarget.select()} />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={close}>Cancel</button>
          <button type="submit" class="primary" data-testid="rename-keep" disabled={name.trim() === ""}>Rename</button>
        </div>
      </form>
    </Dialog>
  );
}

export function confirmRestart(summary: Summary): void {
  if (summary.turn && !confirm("Codex is working. Restarting it interrupts the turn; what it has said so far is kept. Restart?")) return;
  restartBridge(summary.threadId);
  say("Codex is being restarted.");
}
