/**
 * "Read some episodes": what the model was asked and what it said, its simulations beside what really happened, the
 * first difference marked.
 */
import type { EpisodeSample, EpisodeSampleTurn } from '../../evaluation/records.js';
import { firstDifference, linesOf } from '../first-difference.js';
import { stageLabel } from '../format.js';
import { type Html, html, shorten } from '../html.js';
import { section, verdictPill } from './parts.js';

const MOST_CHARACTERS = 12_000;
const MOST_EPISODES = 24;

const PURPOSES: Readonly<Record<string, string>> = {
  predict: 'Predicts the output',
  solve: 'Writes a program',
  simulate: 'Simulates its program',
  review: 'Submits or repairs',
};

export function episodeSection(samples: readonly EpisodeSample[]): Html | null {
  if (samples.length === 0) return null;
  const shown = samples.slice(0, MOST_EPISODES);
  return section(
    'episodes',
    'Read some episodes',
    'Every turn is a prompt of its own that holds only what it needs. Where the model simulated a program, its answer stands beside what the program really printed.',
    html`${shown.map((sample, i) => episode(sample, i === 0))}${
      samples.length > shown.length &&
      html`<p class="note">${samples.length - shown.length} more are in the run’s records.</p>`
    }`,
  );
}

function episode(sample: EpisodeSample, open: boolean): Html {
  return html`<details class="episode"${open && html` open`}><summary><span class="t">${sample.title}</span>${sample.verdicts.slice(-1).map(({ verdict }) => verdictPill(verdict))}</summary>
<p class="note">${sample.problem} · ${stageLabel(sample.stage)} · ${sample.model}</p>
<h4>The problem</h4><pre>${shorten(sample.statement, MOST_CHARACTERS)}</pre>
${sample.turns.map(turn)}
<h4>What became of it</h4><p>${sample.verdicts.map(({ label, verdict }) => html`<span>${label} ${verdictPill(verdict)}</span> &nbsp; `)}</p></details>`;
}

function turn(entry: EpisodeSampleTurn): Html {
  const known = PURPOSES[entry.purpose];
  return html`<div class="turn ${known === undefined ? '' : entry.purpose}"><div class="purpose">${known ?? entry.purpose}</div>
${entry.note && html`<p class="note">${entry.note}</p>`}
${entry.program !== undefined && html`<pre class="code">${shorten(entry.program, MOST_CHARACTERS)}</pre>`}
${entry.program === entry.completion ? null : html`<details${entry.completion.length < 700 && html` open`}><summary>what it wrote</summary><pre>${shorten(entry.completion, MOST_CHARACTERS)}</pre></details>`}
${entry.comparison && comparison(entry.comparison)}
<details><summary>the whole prompt</summary><pre>${shorten(entry.prompt, MOST_CHARACTERS)}</pre></details></div>`;
}

/** The simulated output beside the real one. */
export function comparison({
  input,
  simulated,
  executed,
  expected,
}: NonNullable<EpisodeSampleTurn['comparison']>): Html {
  const difference = simulated === null || executed === null ? null : firstDifference(simulated, executed);
  const wishful =
    expected !== undefined &&
    difference !== null &&
    simulated !== null &&
    firstDifference(simulated, expected) === null;
  const verdict =
    simulated === null || executed === null
      ? null
      : difference === null
        ? verdictPill('correct')
        : html`<span class="pill bad">${wishful ? 'wishful: this is what the test expects' : 'wrong'}</span>`;
  const shown = (text: string | null, absent: string): Html =>
    text === null ? html`<p class="note">${absent}</p>` : html`<pre>${marked(text, difference)}</pre>`;
  return html`<details><summary>input</summary><pre>${shorten(input, 2_000)}</pre></details>
<div class="sides"><div><h4>Simulated ${verdict}</h4>${shown(simulated, 'No output could be read.')}</div>
<div><h4>Executed</h4>${shown(executed, 'The program failed.')}</div></div>
${expected !== undefined && executed !== null && firstDifference(executed, expected) !== null && html`<p class="note">Expected by the test: <code>${shorten(expected.trimEnd(), 300)}</code></p>`}`;
}

/** The text with the first differing line marked, and in it what follows the first differing character. */
function marked(text: string, difference: ReturnType<typeof firstDifference>): Html {
  const lines = linesOf(text);
  if (difference === null) return html`${shorten(lines.join('\n'), MOST_CHARACTERS)}`;
  const { line, column } = difference;
  // Long outputs: begin a little above the difference.
  const start = line > 60 ? line - 20 : 0;
  const before = lines
    .slice(start, line)
    .map((text) => `${text}\n`)
    .join('');
  const at = lines[line];
  const after = shorten(lines.slice(line + 1).join('\n'), MOST_CHARACTERS);
  return html`${start > 0 && `… (${start} lines)\n`}${before}${
    at === undefined
      ? html`<mark class="line">(ends here)</mark>`
      : html`<mark class="line">${shorten(at.slice(0, column), 4_000)}<mark>${shorten(at.slice(column), 4_000) || ' '}</mark></mark>`
  }${after !== '' && `\n${after}`}`;
}
