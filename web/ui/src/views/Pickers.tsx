// How the next prompts of a session run: model, effort, when Codex asks, what commands may change. Only what the host allows
// is offered. Not the sending.

import { useEffect } from "preact/hooks";
import { ceilings, chooseFor, models, wantModels, type Choice } from "../app/choices";
import { linkUp, terms } from "../app/model";
import type { Summary } from "../wire/types";
import { Icon, type IconName } from "./Icon";

export function Pickers({ threadId, summary, choice }: { threadId: string; summary: Summary | undefined; choice: Choice | undefined }) {
  const up = linkUp.value;
  useEffect(wantModels, [up]);
  const { sandboxes, approvals } = ceilings();
  const model = choice?.model ?? summary?.model ?? "";
  const known = models.value;
  const chosen = known.find((one) => one.id === model);
  const names: [string, string][] = known.map((one) => [one.id, one.name]);
  if (model !== "" && !chosen) names.unshift([model, model]);
  const approval = choice?.approvalPolicy ?? (typeof summary?.approvalPolicy === "string" ? summary.approvalPolicy : terms.value.defaultApprovalPolicy ?? "");
  const sandbox = choice?.sandbox ?? summary?.sandbox ?? terms.value.defaultSandbox ?? "";
  const set = (change: Choice) => chooseFor(threadId, change);
  return (
    <div class="pickers" role="group" aria-label="How Codex works">
      {names.length > 0 ? <Picker icon="model" label="Model" id="pick-model" value={model} choices={names} set={(value) => set({ model: value })} /> : null}
      {chosen && chosen.efforts.length > 0 ? (
        <Picker icon="thought" label="Effort" id="pick-effort" value={choice?.effort ?? chosen.usual} choices={chosen.efforts.map((effort): [string, string] => [effort, effort])} set={(value) => set({ effort: value })} />
      ) : null}
      <Picker icon="needsYou" label="When Codex asks" id="pick-approval" value={approval} choices={approvals} set={(value) => set({ approvalPolicy: value })} />
      <Picker icon="quarantined" label="What commands may change" id="pick-sandbox" value={sandbox} choices={sandboxes} set={(value) => set({ sandbox: value })} />
    </div>
  );
}

interface PickerProps { icon: IconName; label: string; id: string; value: string; choices: readonly (readonly [string, string])[]; set: (value: string) => void }

function Picker({ icon, label, id, value, choices, set }: PickerProps) {
  const strange = value !== "" && !choices.some(([word]) => word === value);
  return (
    <label class="picker" title={label}>
      <Icon name={icon} />
      <span class="sr">{label}</span>
      <select value={value} data-testid={id} onChange={(event) => set(event.currentTarget.value)}>
        {strange || value === "" ? <option value={value}>{value || "as configured"}</option> : null}
        {choices.map(([word, name]) => <option key={word} value={word}>{name}</option>)}
      </select>
      <Icon name="chevron" class="picker-mark" />
    </label>
  );
}
