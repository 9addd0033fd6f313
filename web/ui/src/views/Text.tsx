// Text with redaction markers as chips and lying characters made visible, for Preact trees. Not Markdown.

import { memo } from "preact/compat";
import { pieces } from "../text/pieces";

export const Text = memo(function Text({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map((piece) => {
        if (piece.kind === "plain") return piece.text;
        if (piece.kind === "control") return <span class="control" title={`a control character: ${piece.label}`}>{piece.label}</span>;
        return (
          <span class="marker" title={`a secret stood here (rule ${piece.rule}); ${piece.print} tells equal secrets apart`}>
            <span class="unseen">[REDACTED:</span>{piece.rule}<span class="unseen">#</span><span class="print">{piece.print}</span><span class="unseen">]</span>
          </span>
        );
      })}
    </>
  );
});
