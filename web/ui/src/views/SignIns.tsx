// Who is signed in at the host, and the way to end it. Only for those who may do everything; the host tells nobody else.

import { useEffect, useState } from "preact/hooks";
import { endOtherSignIns, endSignIn, signIns, type SignInEntry } from "../app/actions";
import { now } from "../app/model";
import { age } from "../text/ages";
import { CODE } from "../wire/types";
import { Refused } from "../wire/pending";

const REFRESH_MS = 3_000;

export function SignIns() {
  const [entries, setEntries] = useState<SignInEntry[] | null>(null);
  const [failure, setFailure] = useState("");
  const [round, setRound] = useState(0);
  useEffect(() => {
    let gone = false;
    const ask = () => document.visibilityState === "visible" && signIns().then(
      (next) => { if (!gone) { setEntries(next); setFailure(""); } },
      (error: Error) => { if (!gone) setFailure(error instanceof Refused && error.code === CODE.policy ? "" : error.message); });
    void ask();
    const timer = setInterval(ask, REFRESH_MS);
    return () => { gone = true; clearInterval(timer); };
  }, [round]);
  const again = () => setRound((last) => last + 1);

  if (entries === null) return failure === "" ? null : <p class="failure" role="alert">The sign-ins did not come: {failure}.</p>;
  const others = entries.filter((entry) => !entry.current).length;
  return (
    <section class="host-card" data-testid="sign-ins">
      <div class="card-head">
        <h2>Signed-in devices <span class="quiet">{entries.length}</span></h2>
        {others > 0 ? <button type="button" class="small-button" data-testid="revoke-others" onClick={() => void endOtherSignIns().then(again)}>Sign out everywhere else</button> : null}
      </div>
      {entries.length === 0 ? <p class="quiet">None. Programs that send a token with each connection are not listed.</p> : <div class="table as-cards" tabIndex={0}><table>
        <thead><tr><th>Device</th><th>May</th><th>Signed in</th><th>Last used</th><th><span class="sr">Sign out</span></th></tr></thead>
        <tbody>{entries.map((entry) => <Row key={entry.id} entry={entry} again={again} />)}</tbody>
      </table></div>}
      <p class="quiet small">Another device: run <code>holdfast pair</code> on the host, and open its link there. A token that got into wrong hands is replaced in the configuration, with <code>holdfast reload</code>.</p>
    </section>
  );
}

const MAY: Record<string, string> = { operate: "everything", approve: "read and approve", view: "read" };

function Row({ entry, again }: { entry: SignInEntry; again: () => void }) {
  const { id, device, role, current } = entry;
  return (
    <tr data-testid="sign-in-row">
      <td class="wide-cell">{device}{current ? <span class="tag tag-completed own-tag">this device</span> : null}</td>
      <td data-label="may">{MAY[role] ?? role}</td>
      <td data-label="signed in">{ago(entry.createdAtMs)}</td>
      <td data-label="last used">{entry.sockets > 0 ? "now" : ago(entry.lastUsedAtMs)}</td>
      <td class="act">{current ? null : <button type="button" class="small-button" data-testid="revoke" aria-label={`Sign out ${device}`} onClick={() => void endSignIn(id, device).then(again)}>Sign out</button>}</td>
    </tr>
  );
}

function ago(atMs: number): string {
  const said = age(atMs, now.value);
  return said === "now" ? said : `${said} ago`;
}
