/**
 * What an explanation claims about an execution. Reads English: `x becomes 3 + 4 = 7`, `x = 7 and y = []`,
 * `` `n > 2` is true with n = 5 ``, `f is called with n = 5`, `f returns 7`, `on line 3`. A claim about a moment is a
 * test of a view; a claim about none (a calculation, a value that stands alone) is decided at once.
 */
import { type Token, tokenize } from './claim-tokens.js';
import { evaluate, renderedOf, renderValue, truth } from './evaluate.js';
import { type Expression, parseExpression, type Statement } from './python-source.js';
import { codeOf, itemSetBy } from './sentences.js';
import type { Step } from './steps.js';
import { lengthOf, sameValue, unifies, type View, valueAt } from './views.js';

export interface Claim {
  readonly at: number;
  readonly end: number;
  readonly kind:
    | 'change'
    | 'state'
    | 'test'
    | 'call'
    | 'return'
    | 'length'
    | 'line'
    | 'calculation'
    | 'value'
    | 'print';
  /** Of a claim about a moment. */
  readonly test?: (view: View) => boolean;
  /** The claim can be met only at the first moment from here on for which this holds, if there is one. */
  readonly due?: (view: View) => boolean;
  /** It begins the telling of a loop's round; the line's other claims end before `bound` holds again. */
  readonly opens?: true;
  readonly bound?: (view: View) => boolean;
  /** What is tried when `test` holds nowhere. */
  readonly fallback?: (view: View) => boolean;
  /** Claims with equal keys need moments of their own. */
  readonly key?: string;
  /** Of a claim about no moment. */
  readonly holds?: boolean;
}

/** What claims are read against. */
export interface ClaimContext {
  readonly names: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  /** Statements and tests that ran, as they are quoted. */
  readonly codes: ReadonlySet<string>;
  readonly isCode: (quoted: string) => boolean;
  /** Whether a value occurs in the program, its input, or anywhere in the trace. */
  readonly occurs: (value: string) => boolean;
  readonly stdout: string;
  /** Whether the step is a loop's header that begins a round with these targets. */
  readonly beginsRound: (step: Step, targets: readonly string[]) => boolean;
}

const NONE: ReadonlyMap<string, string> = new Map();
const VERBS = new Set(
  'is are be was now becomes become set to initialized initialised initially updated assigned equal equals value the gets stays remains changes changed has of as at starts start contains holds again still then also an empty list string'.split(
    ' ',
  ),
);
const IN_EXPRESSIONS = new Set([
  '+',
  '-',
  '*',
  '/',
  '//',
  '%',
  '**',
  '&',
  '|',
  '^',
  '~',
  '<<',
  '>>',
  '(',
  ')',
  '[',
  ']',
]);
const INSIDE = new Set([',', ':', '=', 'for', 'in', 'not', 'and', 'or']);
const COUNTED =
  /^(times?|items?|elements?|rounds?|characters?|iterations?|steps?|digits?|entries|keys|words?|letters?|more|levels?|calls?)$/;

export function readClaims(text: string, context: ClaimContext): Claim[] {
  const claims = tokenize(text, context.isCode).flatMap((tokens) =>
    new Sentence(text, tokens, context).read(),
  );
  return boundByRounds(text, claims);
}

/** Within a bullet, what follows the head belongs to that round. */
function boundByRounds(text: string, claims: readonly Claim[]): Claim[] {
  let head: Claim | undefined;
  return claims.map((claim) => {
    if (claim.opens) head = claim;
    else if (head && text.slice(head.at, claim.at).includes('\n')) head = undefined;
    return head === undefined || head === claim || head.bound === undefined
      ? claim
      : { ...claim, bound: head.bound };
  });
}

/** `a = b = c`: the texts between the equals signs. */
interface Chain {
  readonly elements: readonly { readonly text: string; readonly named: boolean }[];
  readonly next: number;
}

interface Fact {
  readonly text: string;
  readonly value: string;
  /** The expression with values put in, where it is shown. */
  readonly worked: string | undefined;
}

class Sentence {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #context: ClaimContext;
  readonly #claims: Claim[] = [];

  constructor(text: string, tokens: readonly Token[], context: ClaimContext) {
    this.#text = text;
    this.#tokens = tokens;
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
    const facts = this.#readFacts(at);
    if (facts) return this.#state(at, facts);
    if (token.kind === 'word') return this.#readAssignment(at);
    if (token.kind === 'value') return this.#readValue(at);
    return at + 1;
  }

  /** Quoted code and what is said of it. */
  #readQuoted(at: number): number {
    const code = normalise(this.#tokens[at]!.text);
    const isRun = this.#context.codes.has(code);
    const verb = this.#word(at + 1);
    const verdict = verb === 'is' ? truthWord(this.#word(at + 2)) : undefined;
    if (isRun && verdict !== undefined) {
      const facts = this.#word(at + 3) === 'with' ? this.#readFacts(at + 4) : undefined;
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
      const facts = this.#readFacts(at + 2);
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
    if (verb === 'prints' && this.#tokens[at + 2]) {
      return this.#plain(at + 1, at + 3, 'print', this.#printed(this.#tokens[at + 2]!.text));
    }
    return at + 1;
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
    const facts = this.#word(at + 3) === 'with' ? this.#readFacts(at + 4) : undefined;
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
    const chain = this.#readChain(at + 2);
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
    const chain = this.#readChain(next);
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
    const chain = this.#readChain(at);
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

  /** `x = 1, y = 2 and n % 2 = 5 % 2 = 1`: facts of one moment. */
  #readFacts(at: number): { readonly facts: Fact[]; readonly next: number } | undefined {
    const facts: Fact[] = [];
    let next = at;
    for (;;) {
      const chain = this.#readChain(next);
      const first = chain?.elements[0];
      if (!chain || chain.elements.length < 2 || !first!.named || chain.elements.at(-1)!.named) break;
      const worked = chain.elements.length > 2 ? chain.elements[1]!.text : undefined;
      facts.push({ text: first!.text, value: chain.elements.at(-1)!.text, worked });
      next = chain.next;
      let join = next;
      if (this.#tokens[join]?.text === ',') join++;
      if (this.#tokens[join]?.text === 'and') join++;
      if (join === next) break;
      const more = this.#readChain(join);
      if (!more || more.elements.length < 2 || !more.elements[0]!.named) break;
      next = join;
    }
    return facts.length > 0 ? { facts, next } : undefined;
  }

  #readChain(at: number): Chain | undefined {
    const elements: { text: string; named: boolean }[] = [];
    let next = at;
    for (;;) {
      const end = this.#elementEnd(next);
      if (end === next) break;
      const part = this.#tokens.slice(next, end);
      elements.push({
        text: this.#text.slice(part[0]!.at, part.at(-1)!.end).replaceAll('`', ''),
        named: part.some(
          ({ kind, text }) => (kind === 'word' && this.#context.names.has(text)) || kind === 'code',
        ),
      });
      next = end;
      if (this.#tokens[next]?.text !== '=') break;
      next++;
    }
    if (elements.length === 0) return undefined;
    if (this.#tokens[next - 1]?.text === '=') next--;
    return { elements, next };
  }

  /** Where one expression ends: at prose, at an equals sign, at a comma outside brackets. */
  #elementEnd(at: number): number {
    let depth = 0;
    let next = at;
    for (let token = this.#tokens[next]; token; token = this.#tokens[++next]) {
      const { kind, text } = token;
      if (kind === 'value') continue;
      if (kind === 'code') {
        // Quoted code stands for itself only on its own, before an equals sign.
        if (next === at && this.#tokens[next + 1]?.text === '=') continue;
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
      const isCall = this.#tokens[next + 1]?.text === '(' && this.#text[token.end] === '(';
      const isName = this.#context.names.has(text);
      const isPrefix = text === 'not' && next === at;
      const isInside = depth > 0 && INSIDE.has(text);
      if (!isCall && !isName && !isPrefix && !isInside) break;
      // Two names or values in a row are prose.
      const before = this.#tokens[next - 1];
      if (next > at && before && (before.kind === 'word' || before.kind === 'value') && !isInside) break;
    }
    while (
      next > at &&
      this.#tokens[next - 1]!.kind === 'operator' &&
      !')]'.includes(this.#tokens[next - 1]!.text)
    )
      next--;
    return next;
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

  #holds({ text, value, worked }: Fact, view: View): boolean {
    if (/^[A-Za-z_]\w*$/.test(text)) return sameValue(value, valueAt(view, text));
    const expression = expressionOf(text);
    if (!expression) return this.#context.occurs(value);
    const actual = renderedOf(expression, view.variables);
    if (actual !== undefined && !sameValue(value, actual)) return false;
    if (actual === undefined && (isOutside(expression, view) || !this.#context.occurs(value))) return false;
    const shown = worked === undefined ? undefined : expressionOf(worked);
    return shown === undefined || unifies(expression, shown, view.variables);
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

/** Of `dp[i] = 0`, a fact about an item has to be about the one that was set. */
function isPlaceOf({ text }: Fact, step: Step): boolean {
  const set = text.includes('[') ? itemSetBy(step) : undefined;
  return (
    set === undefined ||
    !text.startsWith(`${set.name}[`) ||
    text.replace(/\s/g, '') === set.place.replace(/\s/g, '')
  );
}

/** An item beyond the end of its list or string. */
function isOutside(expression: Expression, { variables }: View): boolean {
  return (
    expression.kind === 'index' &&
    evaluate(expression.object, variables) !== undefined &&
    evaluate(expression.index, variables) !== undefined
  );
}

const expressions = new Map<string, Expression | undefined>();

/** Parsed once: a fact is tried at many moments. */
function expressionOf(text: string): Expression | undefined {
  if (!expressions.has(text)) {
    if (expressions.size > 2_000) expressions.clear();
    expressions.set(text, parseExpression(text));
  }
  return expressions.get(text);
}

/** Quoted code with its spelling evened out. */
export function normalise(code: string): string {
  return code
    .replace(/ …$/, '')
    .replace(/`/g, "'")
    .replace(/\s+/g, ' ')
    .replace(/^(if|elif|while) /, '')
    .replace(/:$/, '')
    .trim();
}

const spellings = new WeakMap<Statement, { readonly code: string; readonly test: string | undefined }>();

function spellingOf(step: Step): { readonly code: string; readonly test: string | undefined } {
  const { statement } = step;
  const known = spellings.get(statement);
  if (known) return known;
  const isTest = statement.kind === 'if' || statement.kind === 'while';
  const spelling = {
    code: normalise(codeOf(step)),
    test: isTest ? normalise(statement.test.text) : undefined,
  };
  spellings.set(statement, spelling);
  return spelling;
}

/** A step's statement with its spelling evened out. */
export function spelledCode(step: Step): string {
  return spellingOf(step).code;
}

export function testOf(step: Step): string | undefined {
  return spellingOf(step).test;
}

function verdictIs({ statement, next, before }: Step, verdict: boolean): boolean {
  if (statement.kind !== 'if' && statement.kind !== 'while') return false;
  if (statement.body === statement.line) {
    // The block is on the same line: which way it went shows in the values only.
    const value = evaluate(statement.test, before);
    return value === undefined || truth(value) === verdict;
  }
  return (next?.kind === 'line' && next.line === statement.body) === verdict;
}

/** A test is told before it runs, or after the calls that it makes. */
function isToldAt({ kind }: View, step: Step): boolean {
  return kind === 'before' || (kind === 'after' && step.calls.length > 0);
}

function truthWord(word: string | undefined): boolean | undefined {
  if (word === undefined) return undefined;
  if (/^(true|True|yes)$/.test(word)) return true;
  return /^(false|False|no)$/.test(word) ? false : undefined;
}

function hasLength(value: string | undefined, length: number): boolean {
  if (value === undefined) return false;
  const known = lengthOf(value);
  return known === undefined || known === length;
}
