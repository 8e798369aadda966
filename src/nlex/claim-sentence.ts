/**
 * One sentence of an explanation, read from left to right for what it claims. Longer than most files here: the readers of
 * the different kinds of claims call each other.
 */
import { type Chain, readChain, readFacts, type Words } from './claim-expressions.js';
import { type Fact, factHolds, hasLength, isPlaceOf } from './claim-facts.js';
import { isToldAt, normalise, spelledCode, testOf, verdictIs } from './claim-spelling.js';
import type { Token } from './claim-tokens.js';
import type { Claim, ClaimContext } from './claims.js';
import { evaluate, renderValue } from './evaluate.js';
import { type Expression, parseExpression } from './python-source.js';
import { sameValue, unifies, type View, valueAt } from './views.js';

const NONE: ReadonlyMap<string, string> = new Map();
const VERBS = new Set(
  'is are be was now becomes become set to initialized initialised initially updated assigned equal equals value the gets stays remains changes changed has of as at starts start contains holds again still then also an empty list string'.split(
    ' ',
  ),
);
const COUNTED =
  /^(times?|items?|elements?|rounds?|characters?|iterations?|steps?|digits?|entries|keys|words?|letters?|more|levels?|calls?)$/;

export class Sentence {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #words: Words;
  readonly #context: ClaimContext;
  readonly #claims: Claim[] = [];

  constructor(text: string, tokens: readonly Token[], context: ClaimContext) {
    this.#text = text;
    this.#tokens = tokens;
    this.#words = { text, tokens, names: context.names };
    this.#context = context;
  }

  read(): Claim[] {
    let at = 0;
    while (at < this.#tokens.length) at = Math.max(this.#readAt(at), at + 1);
    return this.#claims;
  }

  #readAt(at: number): number {
    const token = this.#tokens[at]!;
    if (token.kind === 'code') return this.#readQuoted(at);
    if (token.kind === 'quoted') {
      const holds = this.#context.stdout.includes(token.text) || this.#context.occurs(token.text);
      return this.#plain(at, at + 1, 'value', holds);
    }
    if (token.kind === 'word') {
      if (/^lines?$/i.test(token.text) && this.#tokens[at + 1]?.kind === 'value') return this.#readLine(at);
      if (truthWord(this.#word(at + 2)) !== undefined && this.#context.codes.has(token.text))
        return this.#readQuoted(at);
      if (this.#word(at + 1) === 'is' && this.#word(at + 2) === 'called') return this.#readCall(at);
      if (this.#word(at + 1) === 'returns') return this.#readReturn(at);
      if (this.#word(at) === 'prints' && this.#tokens[at + 1]?.kind === 'value') {
        return this.#plain(at + 1, at + 2, 'print', this.#printed(this.#tokens[at + 1]!.text));
      }
    }
    const facts = readFacts(this.#words, at);
    if (facts) return this.#state(at, facts);
    if (token.kind === 'word') return this.#readAssignment(at);
    if (token.kind === 'value' || token.text === '(') return this.#readValue(at);
    return at + 1;
  }

  /** Quoted code and what is said of it. */
  #readQuoted(at: number): number {
    const code = normalise(this.#tokens[at]!.text);
    const isRun = this.#context.codes.has(code);
    const verb = this.#word(at + 1);
    const verdict = verb === 'is' ? truthWord(this.#word(at + 2)) : undefined;
    if (isRun && verdict !== undefined) {
      const facts = this.#word(at + 3) === 'with' ? readFacts(this.#words, at + 4) : undefined;
      const list = facts?.facts ?? [];
      // What a test rests on is in it; a name may stand for something that the reader needs besides.
      const strange = list.some(({ text }) => !/^\w+$/.test(text) && !code.includes(normalise(text)));
      const end = facts?.next ?? at + 3;
      this.#worked(at, end, list);
      this.#claims.push({
        ...this.#span(at, end),
        kind: 'test',
        key: 'test',
        test: (view) =>
          !strange &&
          view.step !== undefined &&
          isToldAt(view, view.step) &&
          testOf(view.step) === code &&
          verdictIs(view.step, verdict) &&
          list.every((fact) => this.#holds(fact, { ...view, variables: view.step!.before })),
        ...(at === 0 && this.#beginsBullet()
          ? { opens: true, bound: (view) => view.kind === 'before' && testOf(view.step!) === code }
          : {}),
      });
      return end;
    }
    if (isRun && (verb === 'makes' || verb === 'leaves')) {
      const facts = readFacts(this.#words, at + 2);
      if (facts) {
        this.#worked(at, facts.next, facts.facts);
        this.#claims.push({
          ...this.#span(at, facts.next),
          kind: 'change',
          key: 'step',
          test: (view) =>
            view.kind === 'after' &&
            spelledCode(view.step!) === code &&
            this.#allHold(facts.facts, view) &&
            facts.facts.every((fact) => isPlaceOf(fact, view.step!)),
        });
        return facts.next;
      }
    }
    if (isRun && verb === 'gives' && this.#word(at + 4) === 'length') {
      const [name, size] = [this.#word(at + 2), this.#tokens[at + 6]?.text];
      if (name !== undefined && size !== undefined) {
        this.#claims.push({
          ...this.#span(at, at + 7),
          kind: 'length',
          key: 'step',
          test: (view) =>
            view.kind === 'after' &&
            spelledCode(view.step!) === code &&
            hasLength(valueAt(view, name), Number(size)),
        });
        return at + 7;
      }
    }
    if (verb === 'prints') return this.#readPrints(at + 1);
    return at + 1;
  }

  /** ``prints `7` ``; other words are prose. */
  #readPrints(at: number): number {
    const printed = this.#tokens[at + 1];
    if (printed === undefined || printed.kind === 'word') return at + 1;
    return this.#plain(at, at + 2, 'print', this.#printed(printed.text));
  }

  #readLine(at: number): number {
    const line = Number(this.#tokens[at + 1]!.text);
    this.#claims.push({
      ...this.#span(at, at + 2),
      kind: 'line',
      test: (view) => view.step?.statement.line === line,
    });
    return at + 2;
  }

  #readCall(at: number): number {
    const name = this.#word(at)!;
    if (!this.#context.functions.has(name) && name !== 'expression') return at + 1;
    const facts = this.#word(at + 3) === 'with' ? readFacts(this.#words, at + 4) : undefined;
    const end = facts?.next ?? at + 3;
    this.#claims.push({
      ...this.#span(at, end),
      kind: 'call',
      key: 'call',
      test: (view) =>
        view.kind === 'call' &&
        (name === 'expression' || view.frame.function === name) &&
        this.#allHold(facts?.facts ?? [], view),
    });
    return end;
  }

  #readReturn(at: number): number {
    const name = this.#word(at)!;
    const chain = readChain(this.#words, at + 2);
    if (!chain || chain.elements.some(({ named }) => named)) return at + 2;
    const value = chain.elements.at(-1)!.text;
    const worked = this.#calculations(at, chain);
    this.#claims.push({
      ...this.#span(at, chain.next),
      kind: 'return',
      key: 'return',
      test: (view) => {
        if (view.kind !== 'return' || !('value' in view.step!.next!)) return false;
        if (this.#context.functions.has(name) && view.frame.function !== name) return false;
        if (!sameValue(value, view.step!.next.value)) return false;
        const { statement, before } = view.step!;
        return (
          !worked ||
          statement.kind !== 'return' ||
          !statement.value ||
          unifies(statement.value, worked, before)
        );
      },
    });
    return chain.next;
  }

  /** `x becomes 3 + 4 = 7` and its like. */
  #readAssignment(at: number): number {
    const name = this.#word(at)!;
    if (!this.#context.names.has(name)) return at + 1;
    let next = at + 1;
    while (this.#tokens[next]?.kind === 'word' && VERBS.has(this.#tokens[next]!.text) && next < at + 7)
      next++;
    if (next === at + 1) return next;
    const negated = this.#tokens.slice(at, next).some(({ text }) => text === 'not');
    const chain = readChain(this.#words, next);
    if (!chain || negated || chain.elements.some(({ named }) => named)) return next;
    const value = chain.elements.at(-1)!.text;
    const worked = this.#calculations(at, chain);
    const verb = this.#tokens[at + 1]!.text;
    const isChange = verb === 'becomes' || verb === 'stays' || this.#word(at + 2) === 'set';
    this.#claims.push({
      ...this.#span(at, chain.next),
      kind: isChange ? 'change' : 'state',
      ...(isChange ? { key: `change ${name}` } : {}),
      test: (view) => {
        if (!isChange) return sameValue(value, valueAt(view, name));
        const { step } = view;
        if (view.kind !== 'after' || !step || !sameValue(value, view.variables.get(name))) return false;
        const { statement, before, changed } = step;
        const isTarget = 'target' in statement && statement.target === name;
        if (!isTarget && !changed.includes(name)) return false;
        return (
          !worked || statement.kind !== 'assign' || !isTarget || unifies(statement.value, worked, before)
        );
      },
    });
    return chain.next;
  }

  /** A value that begins something: a calculation, an item that is appended, or a value on its own. */
  #readValue(at: number): number {
    const chain = readChain(this.#words, at);
    if (!chain) return at + 1;
    const appended = this.#word(chain.next + 1) === 'appended' && this.#word(chain.next + 2) === 'to';
    const concrete = chain.elements.every(({ named }) => !named);
    if (appended && concrete) {
      const name = this.#word(chain.next + 3) ?? '';
      const whole = this.#word(chain.next + 6) === 'becomes' ? this.#tokens[chain.next + 7] : undefined;
      return this.#append(at, chain, name, whole);
    }
    if (chain.elements.length > 1 && concrete) {
      this.#calculations(at, chain);
      for (let i = at; i < chain.next; i++) this.#loose(i);
      return chain.next;
    }
    this.#loose(at);
    return at + 1;
  }

  #append(at: number, chain: Chain, name: string, whole: Token | undefined): number {
    const item = chain.elements.at(-1)!.text;
    const worked = this.#calculations(at, chain);
    const end = whole ? chain.next + 8 : chain.next + 4;
    this.#claims.push({
      ...this.#span(at, end),
      kind: 'change',
      key: 'step',
      test: (view) => {
        const { step } = view;
        if (view.kind !== 'after' || step?.statement.kind !== 'append' || step.statement.target !== name)
          return false;
        if (whole && !sameValue(whole.text, view.variables.get(name))) return false;
        const value = evaluate(step.statement.value, step.before);
        if (value !== undefined && !sameValue(item, renderValue(value))) return false;
        return !worked || unifies(step.statement.value, worked, step.before);
      },
    });
    return end;
  }

  /** A value that is said of nothing in particular has at least to occur. */
  #loose(at: number): void {
    const token = this.#tokens[at];
    if (token?.kind !== 'value') return;
    const following = this.#word(at + 1) ?? '';
    if (/^\d{1,3}$/.test(token.text) && COUNTED.test(following)) return;
    this.#plain(at, at + 1, 'value', this.#context.occurs(token.text));
  }

  #state(at: number, { facts, next }: { facts: readonly Fact[]; next: number }): number {
    this.#worked(at, next, facts);
    const targets = facts.map(({ text }) => text);
    const isRound = at === 0 && this.#beginsBullet();
    const begins = (view: View): boolean =>
      view.kind === 'after' && this.#context.beginsRound(view.step!, targets);
    this.#claims.push({
      ...this.#span(at, next),
      kind: 'state',
      test: (view) => this.#allHold(facts, view),
      ...(isRound
        ? {
            key: 'round',
            opens: true,
            bound: begins,
            ...(this.#followsSkipped()
              ? {
                  test: (view: View) => begins(view) && this.#allHold(facts, view),
                  fallback: (view: View) => this.#allHold(facts, view),
                }
              : { due: begins }),
          }
        : {}),
    });
    return next;
  }

  /** `- x = 1.` tells of a loop's round. */
  #beginsBullet(): boolean {
    const start = this.#text.lastIndexOf('\n', this.#tokens[0]!.at) + 1;
    return /^\s*[-*•]\s+`?$/.test(this.#text.slice(start, this.#tokens[0]!.at));
  }

  /** After a line that passes over rounds the next told round is not the next one. */
  #followsSkipped(): boolean {
    const start = this.#text.lastIndexOf('\n', this.#tokens[0]!.at) + 1;
    const before = this.#text.slice(0, Math.max(0, start - 1));
    const line = before.slice(before.lastIndexOf('\n') + 1);
    return /\b(?:next|other|remaining|following) (?:\w+ )?(?:rounds?|iterations?)\b/.test(line);
  }

  /** Claims that the parts of a chain are equal; the worked expression, to be held against the code. */
  #calculations(at: number, chain: Chain): Expression | undefined {
    const value = chain.elements.at(-1)!.text;
    let worked: Expression | undefined;
    for (const { text } of chain.elements.slice(0, -1)) {
      const expression = parseExpression(text);
      if (!expression) continue;
      worked ??= expression;
      const found = evaluate(expression, NONE);
      if (found !== undefined)
        this.#plain(at, chain.next, 'calculation', sameValue(value, renderValue(found)));
    }
    return worked;
  }

  #worked(at: number, next: number, facts: readonly Fact[]): void {
    for (const { worked, value } of facts) {
      const found = worked === undefined ? undefined : parseExpression(worked);
      const result = found && evaluate(found, NONE);
      if (result !== undefined) this.#plain(at, next, 'calculation', sameValue(value, renderValue(result)));
    }
  }

  #allHold(facts: readonly Fact[], view: View): boolean {
    return facts.every((fact) => this.#holds(fact, view));
  }

  #holds(fact: Fact, view: View): boolean {
    return factHolds(fact, view, this.#context.occurs);
  }

  #printed(text: string): boolean {
    return this.#context.stdout.includes(text) || this.#context.occurs(text);
  }

  #plain(at: number, next: number, kind: Claim['kind'], holds: boolean): number {
    this.#claims.push({ ...this.#span(at, next), kind, holds });
    return next;
  }

  #span(at: number, next: number): { readonly at: number; readonly end: number } {
    const last = this.#tokens[Math.min(next, this.#tokens.length) - 1]!;
    return { at: this.#tokens[at]!.at, end: last.end };
  }

  #word(at: number): string | undefined {
    const token = this.#tokens[at];
    return token?.kind === 'word' ? token.text : undefined;
  }
}

function truthWord(word: string | undefined): boolean | undefined {
  if (word === undefined) return undefined;
  if (/^(true|True|yes)$/.test(word)) return true;
  return /^(false|False|no)$/.test(word) ? false : undefined;
}
