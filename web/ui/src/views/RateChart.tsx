// Events a second over the last two minutes, as a line. Not the counting: app/pulse.ts.

import { samples } from "../app/pulse";

const WIDTH = 720;
const HEIGHT = 120;
const SPAN_MS = 120_000;

export function RateChart() {
  const all = samples.value;
  const latest = all.at(-1);
  const top = ceiling(Math.max(1, ...all.map((one) => one.rate)));
  const x = (atMs: number) => WIDTH - ((latest?.atMs ?? 0) - atMs) / SPAN_MS * WIDTH;
  const y = (rate: number) => HEIGHT - 1 - rate / top * (HEIGHT - 8);
  const line = all.map((one, at) => `${at === 0 ? "M" : "L"}${x(one.atMs).toFixed(1)} ${y(one.rate).toFixed(1)}`).join("");
  const peak = Math.round(Math.max(0, ...all.map((one) => one.rate)));
  return (
    <figure class="chart" data-testid="rate-chart" data-samples={all.length}>
      <figcaption>
        {latest ? <><span class="chart-now">{count(latest.rate)}</span> events/s now<span class="quiet"> · most {count(peak)} in the last two minutes</span></> : <span class="quiet">Measuring…</span>}
      </figcaption>
      <div class="chart-area">
        <span class="chart-scale quiet" aria-hidden="true">{count(top)}</span>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Events per second: ${count(latest?.rate ?? 0)} now, at most ${count(peak)}`}>
          <path class="chart-grid" d={`M0 ${y(top)}H${WIDTH}M0 ${y(top / 2)}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}`} />
          {all.length > 1 ? <path class="chart-fill" d={`${line}L${x(latest!.atMs)} ${HEIGHT}L${x(all[0]!.atMs)} ${HEIGHT}Z`} /> : null}
          {all.length > 1 ? <path class="chart-line" d={line} /> : null}
        </svg>
      </div>
    </figure>
  );
}

function count(rate: number): string {
  return Math.round(rate).toLocaleString("en");
}

/** The next of 1, 2, 5, 10, 20, ... above it. */
function ceiling(rate: number): number {
  const base = 10 ** Math.floor(Math.log10(rate));
  return ([1, 2, 5, 10].find((step) => step * base >= rate) ?? 10) * base;
}
