// Walks through the host's folders until the person has found the one to work in. Loaded when first opened.

import { useEffect, useState } from "preact/hooks";
import { listFolders, type Folder } from "../app/actions";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";

export default function FolderChooser({ start, choose, close }: { start: string; choose: (path: string) => void; close: () => void }) {
  const [folder, setFolder] = useState<Folder | null>(null);
  const [failure, setFailure] = useState("");
  const open = (path?: string) => listFolders(path).then(
    (next) => { setFolder(next); setFailure(""); },
    (error: Error) => setFailure(error.message));
  useEffect(() => { void listFolders(start || undefined).then(setFolder, () => void open()); }, []);
  return (
    <Dialog title="Choose a folder on the host" close={close} id="folder-dialog">
      <p class="mono folder-path" aria-live="polite">{folder?.path ?? "Reading…"}</p>
      {failure ? <p class="failure" role="alert">{failure}</p> : null}
      <ul class="folder-list" aria-label="Folders">
        {folder?.parent ? <li><button type="button" class="folder-row" onClick={() => void open(folder.parent!)}><Icon name="back" />Up</button></li> : null}
        {folder?.folders.map((name) => (
          <li key={name}><button type="button" class="folder-row" data-testid="folder-row" onClick={() => void open(`${folder.path === "/" ? "" : folder.path}/${name}`)}><Icon name="folder" /><span>{name}</span></button></li>
        ))}
        {folder && folder.folders.length === 0 ? <li class="quiet pad-small">No folders in here.</li> : null}
        {folder?.cut ? <li class="quiet pad-small">There are more; type the path instead.</li> : null}
      </ul>
      <div class="dialog-foot">
        <button type="button" class="button" onClick={close}>Cancel</button>
        <button type="button" class="primary" data-testid="folder-choose" disabled={!folder} onClick={() => { if (folder) choose(folder.path); close(); }}>Work here</button>
      </div>
    </Dialog>
  );
}
