/**
 * Public tests found in a problem's text: pairs of an input and an output, under headings such as `Input:`, `Sample Input 1`,
 * `Example 2 Output`, each fenced or up to a blank line. Conservative: headings that do not come in pairs give no test.
 */
import type { TestCase } from './types.js';

const HEADING = /^[\s#*>-]*(?:(?:sample|example)s?\s*)?(input|output)(?:\s*#?\d+)?\s*[:*]*\s*$/i;

/** In the order of the text; empty when there are none. */
export function readExamples(text: string): TestCase[] {
  const lines = text.split('\n');
  const tests: TestCase[] = [];
  let input: string | undefined;
  for (let at = 0; at < lines.length; at++) {
    const kind = HEADING.exec(lines[at]!)?.[1]?.toLowerCase();
    if (kind === undefined) continue;
    const { block, next } = blockAt(lines, at + 1);
    at = next - 1;
    if (kind === 'input') input = block;
    else if (input !== undefined) {
      if (block.trim() !== '') tests.push({ input, output: block });
      input = undefined;
    }
  }
  return tests;
}

/** A fenced block, or the lines up to a blank one or the next heading. */
function blockAt(lines: readonly string[], from: number): { readonly block: string; readonly next: number } {
  let at = from;
  while (at < lines.length && lines[at]!.trim() === '') at++;
  const fence = /^\s*(`{3,})/.exec(lines[at] ?? '')?.[1];
  const block: string[] = [];
  if (fence !== undefined) {
    for (at++; at < lines.length && lines[at]!.trim() !== fence; at++) block.push(lines[at]!);
    at++;
  } else {
    for (; at < lines.length && lines[at]!.trim() !== '' && !HEADING.test(lines[at]!); at++)
      block.push(lines[at]!);
  }
  return { block: block.length === 0 ? '' : `${block.join('\n')}\n`, next: at };
}
