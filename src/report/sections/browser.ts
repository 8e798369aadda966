/**
 * "Every problem": the rollout browser, a list that can be searched and filtered, and each problem in full. It is the one part
 * of the page that needs a script, ours, named in the page's content security policy by its hash; without scripts the picked
 * problems of "Choices explained" are still there.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { EvaluationRecord } from '../../evaluation/records.js';
import { browserEntries } from '../browser/entries.js';
import { packEntries } from '../browser/pack.js';
import { count, counted } from '../format.js';
import { type Html, html, trustedMarkup } from '../html.js';
import { section } from './parts.js';

const SCRIPT = readFileSync(new URL('../browser/client.js', import.meta.url), 'utf8').replace(
  /\n\/\/# sourceMappingURL=.*\s*$/,
  '\n',
);

export interface Browser {
  readonly section: Html;
  /** Goes to the end of the page. */
  readonly script: Html;
  /** A source expression for the content security policy. */
  readonly policy: string;
}

/** `null` when there is nothing to browse. */
export function rolloutBrowser(records: readonly EvaluationRecord[], budget?: number): Browser | null {
  const { arms, lines, parts, leftOut } = packEntries(browserEntries(records), budget);
  if (lines.length === 0) return null;
  const list = JSON.stringify({ arms, lines }).replaceAll('<', '\\u003c');
  const content = html`<div id="rollouts" class="browser"><noscript><p class="note">The list needs a script, which this browser does not run; the records are in the run’s folder.</p></noscript></div>
${
  leftOut > 0 &&
  html`<p class="note">To keep this page small, the programs of ${count(leftOut)} of ${counted(lines.length, 'problem')} are left out (those come first in which all programs, or none, are right). They are in the run’s records.</p>`
}
<script type="application/json" id="browser-list">${trustedMarkup(list)}</script>
${parts.map((part, i) => html`<script type="text/plain" id="browser-part-${i}">${trustedMarkup(part)}</script>\n`)}`;
  return {
    section: section(
      'browser',
      'Every problem',
      'All problems of the run: their programs, each simulation beside the real execution, what was submitted and why. Marked is the first place where a simulated output differs from the real one.',
      content,
    ),
    script: html`<script type="module">${trustedMarkup(SCRIPT)}</script>`,
    policy: `'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'`,
  };
}
