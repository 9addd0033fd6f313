// The list of keyboard shortcuts. Loaded when first opened.

import { SHORTCUTS } from "../app/keys";
import { helping } from "../app/model";
import { Dialog } from "./Dialog";

export default function Help() {
  return (
    <Dialog title="Keyboard" id="help-dialog" close={() => { helping.value = false; }}>
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, about]) => (
          <div key={keys}><dt>{keys.split(" / ").map((one, at) => <span key={one}>{at > 0 ? " or " : ""}{one.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}</span>)}</dt><dd>{about}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}
