/**
 * Where an answer is read from a completion, in one place for every prompt style, benchmark and command.
 *
 * Rules, chosen so that text quoted from a problem or a program cannot pass for an answer:
 * - Only the completion is read, never the prompt.
 * - What a reasoning model thinks (`<think>…</think>`) is dropped first; an unclosed block leaves no answer.
 * - An output is in the *last* `<output>…</output>` pair (or `[ANSWER]…[/ANSWER]`), and nothing but blanks may follow
 *   it. An opening tag inside the pair makes the answer unreadable rather than ambiguous. A completion that the token limit
 *   cut off holds no output, whatever it ends with (readLastAnswer in ../ask.ts).
 * - A program is the *last* fenced block, between fences of three or more backticks that are as long as each other; `#SUBMIT` counts only when it is all that the last block (or, without
 *   any fence, the whole completion) holds.
 * - A call (input prediction) is in the last `[ANSWER]…[/ANSWER]` pair: the left-hand side of the assertion, one whole call
 *   of `f` and nothing else, so that no expression around it can make up a result.
 * - The final answer of a mathematics problem is what the comparator finds in the text that was not only thought.
 */
import type { Program, ProgramInput } from '../../problem/types.js';
import type { Review } from '../prompt-style.js';

/** Newlines in an answer tag are written `\n` (paper A.2), a backslash `\\`. */
export function escapeOutput(output: string): string {
  return output.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function unescapeOutput(text: string): string {
  return text.replace(/\\(n|\\)/g, (_, code: string) => (code === 'n' ? '\n' : '\\'));
}

/** The completion without what was only thought; `undefined` when the thought never ended. */
export function withoutThinking(text: string): string | undefined {
  const rest = text.replace(/<think>[\s\S]*?<\/think>/g, '');
  const closed = rest.lastIndexOf('</think>');
  const after = closed >= 0 ? rest.slice(closed + '</think>'.length) : rest;
  return after.includes('<think>') ? undefined : after;
}

/** The predicted stdout (stdin form), or the predicted value as a Python literal (call form). */
export function readOutput(text: string, input: ProgramInput): string | undefined {
  const answer = withoutThinking(text)?.trimEnd();
  if (answer === undefined) return undefined;
  if (input.kind === 'stdin') {
    const inside = lastPair(answer, '<output>', '</output>');
    return inside === undefined ? undefined : unescapeOutput(inside.replace(/^\n|\n$/g, ''));
  }
  const inside = lastPair(answer, '[ANSWER]', '[/ANSWER]')?.trim();
  if (inside === undefined) return undefined;
  const head = `assert ${input.expression} ==`;
  if (inside.startsWith(head)) return inside.slice(head.length).trim() || undefined;
  return inside.startsWith('assert ') || inside === '' ? undefined : inside;
}

/** A call of `f` that should give the output asked for: `f(…)`, from `assert f(…) == …` or on its own. */
export function readCall(text: string): string | undefined {
  const answer = withoutThinking(text)?.trimEnd();
  if (answer === undefined) return undefined;
  const inside = lastPair(answer, '[ANSWER]', '[/ANSWER]')?.trim();
  if (inside === undefined) return undefined;
  const call = inside.replace(/^assert\s+/, '');
  const end = call.startsWith('f(') ? endOfCall(call) : undefined;
  if (end === undefined) return undefined;
  const rest = call.slice(end).trim();
  return rest === '' || rest.startsWith('==') ? call.slice(0, end) : undefined;
}

/** What is left to find a final answer in. */
export function readFinalAnswer(text: string): string | undefined {
  const answer = withoutThinking(text)?.trim();
  return answer === '' ? undefined : answer;
}

/** One past the bracket that closes the one of `f(`; Python strings are stepped over. */
function endOfCall(text: string): number | undefined {
  let depth = 0;
  for (let at = 1; at < text.length; at++) {
    const character = text[at]!;
    if (character === '"' || character === "'") {
      const quote = text.startsWith(character.repeat(3), at) ? character.repeat(3) : character;
      at += quote.length;
      while (at < text.length && !text.startsWith(quote, at)) at += text[at] === '\\' ? 2 : 1;
      if (at >= text.length) return undefined;
      at += quote.length - 1;
    } else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character) && --depth === 0) return character === ')' ? at + 1 : undefined;
  }
  return undefined;
}

/** The last fenced block as a program. `bare` accepts a completion without fences as the program itself. */
export function readProgram(text: string, bare = false): Program | undefined {
  const block = lastBlock(text, bare);
  return block === undefined || block.trim() === '' || block.trim() === '#SUBMIT'
    ? undefined
    : { source: `${block.trimEnd()}\n` };
}

export function readReview(text: string, bare = false): Review | undefined {
  const block = lastBlock(text, bare);
  if (block?.trim() === '#SUBMIT') return { kind: 'submit' };
  const program = readProgram(text, bare);
  return program === undefined ? undefined : { kind: 'fix', program };
}

/** What stands between fences; a fence may be longer than three backticks, and then only one as long closes it. */
export function fencedBlocks(text: string): string[] {
  return [...text.matchAll(/^(`{3,})[^\n`]*\n([\s\S]*?)^\1`*[ \t]*$/gm)].map(([, , inside]) => inside!);
}

function lastBlock(text: string, bare: boolean): string | undefined {
  const answer = withoutThinking(text);
  if (answer === undefined) return undefined;
  const last = fencedBlocks(answer).at(-1);
  if (last !== undefined) return last;
  return bare && !answer.includes('```') ? answer : undefined;
}

function lastPair(text: string, open: string, close: string): string | undefined {
  if (!text.endsWith(close)) return undefined;
  const start = text.lastIndexOf(open);
  if (start < 0) return undefined;
  const inside = text.slice(start + open.length, text.length - close.length);
  return inside.includes(close) ? undefined : inside;
}
