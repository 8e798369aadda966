/**
 * Expressions in a sentence: where one begins and ends among words, and which are said to be equal. What is claimed by them
 * is claim-sentence.ts.
 */
import type { Fact } from './claim-facts.js';
import type { Token } from './claim-tokens.js';

const IN_EXPRESSIONS = new Set('+ - * / // % ** & | ^ ~ << >> ( ) [ ]'.split(' '));
const INSIDE = new Set([',', ':', '=', 'for', 'in', 'not', 'and', 'or']);

/** A sentence, its tokens, and the names of the program. Places are indexes of tokens. */
export interface Words {
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly names: ReadonlySet<string>;
}

/** `a = b = c`: the texts between the equals signs. `named`: it holds a name of the program, or quoted code. */
export interface Chain {
  readonly elements: readonly { readonly text: string; readonly named: boolean }[];
  readonly next: number;
}

/** `x = 1, y = 2 and n % 2 = 5 % 2 = 1`: facts of one moment. */
export function readFacts(
  words: Words,
  at: number,
): { readonly facts: Fact[]; readonly next: number } | undefined {
  const facts: Fact[] = [];
  let next = at;
  for (;;) {
    const chain = readChain(words, next);
    const first = chain?.elements[0];
    if (!chain || chain.elements.length < 2 || !first!.named || chain.elements.at(-1)!.named) break;
    const worked = chain.elements.length > 2 ? chain.elements[1]!.text : undefined;
    facts.push({ text: first!.text, value: chain.elements.at(-1)!.text, worked });
    next = chain.next;
    let join = next;
    if (words.tokens[join]?.text === ',') join++;
    if (words.tokens[join]?.text === 'and') join++;
    if (join === next) break;
    const more = readChain(words, join);
    if (!more || more.elements.length < 2 || !more.elements[0]!.named) break;
    next = join;
  }
  return facts.length > 0 ? { facts, next } : undefined;
}

/** The chain that begins here; `undefined` where no expression does. */
export function readChain(words: Words, at: number): Chain | undefined {
  const elements: { text: string; named: boolean }[] = [];
  let next = at;
  for (;;) {
    const end = elementEnd(words, next);
    if (end === next) break;
    const part = words.tokens.slice(next, end);
    elements.push({
      text: words.text.slice(part[0]!.at, part.at(-1)!.end).replaceAll('`', ''),
      named: part.some(({ kind, text }) => (kind === 'word' && words.names.has(text)) || kind === 'code'),
    });
    next = end;
    if (words.tokens[next]?.text !== '=') break;
    next++;
  }
  if (elements.length === 0) return undefined;
  if (words.tokens[next - 1]?.text === '=') next--;
  return { elements, next };
}

/** Where one expression ends: at prose, at an equals sign, at a comma outside brackets. */
function elementEnd({ text: sentence, tokens, names }: Words, at: number): number {
  let depth = 0;
  let next = at;
  for (let token = tokens[next]; token; token = tokens[++next]) {
    const { kind, text } = token;
    if (kind === 'value') continue;
    if (kind === 'code') {
      // Quoted code stands for itself only on its own, before an equals sign.
      if (next === at && tokens[next + 1]?.text === '=') continue;
      break;
    }
    if (kind === 'operator') {
      if (depth > 0 && INSIDE.has(text)) continue;
      if (!IN_EXPRESSIONS.has(text)) break;
      if (text === '(' || text === '[') depth++;
      else if (text === ')' || text === ']') depth--;
      if (depth < 0) break;
      continue;
    }
    if (kind !== 'word') break;
    const isCall = tokens[next + 1]?.text === '(' && sentence[token.end] === '(';
    const isName = names.has(text);
    const isPrefix = text === 'not' && next === at;
    const isInside = depth > 0 && INSIDE.has(text);
    if (!isCall && !isName && !isPrefix && !isInside) break;
    // Two names or values in a row are prose.
    const before = tokens[next - 1];
    if (next > at && before && (before.kind === 'word' || before.kind === 'value') && !isInside) break;
  }
  while (next > at && tokens[next - 1]!.kind === 'operator' && !')]'.includes(tokens[next - 1]!.text)) next--;
  return next;
}
