/**
 * One step as a sentence. Every value is the trace's; what is too long to read is described by its length.
 */
import { evaluate, renderedOf, renderValue, truth, type Variables } from './evaluate.js';
import type { Printed } from './printed.js';
import { type Expression, parseExpression, type Statement } from './python-source.js';
import type { Step } from './steps.js';
import { lengthOf } from './views.js';
import { calculation, factsOf, isNameless } from './worked.js';

type ValueStatement = Extract<Statement, { readonly kind: 'return' | 'expression' }>;

/** Longer values are described instead of written. */
const LONGEST_VALUE = 160;

/** The value if it can be stated: short, and not a mere function, class or module. */
export function shown(value: string | undefined): string | undefined {
  if (value === undefined || value.length > LONGEST_VALUE || isNameless(value)) return undefined;
  return /^<(list|tuple|dict|set|frozenset|bytes) of /.test(value) ? undefined : value;
}

/** What a sentence may rest on besides its step. */
export interface Telling {
  /** What was stated just before, and is not said again. */
  readonly fresh?: ReadonlySet<string>;
  /** What the step printed, where that is known. */
  readonly printed?: Printed | undefined;
}

/** What a step did; undefined when there is nothing to tell. */
export function tellStep(step: Step, telling: Telling = {}): string | undefined {
  const told = tellEffect(step, telling);
  if (step.raised === undefined || /^Stop(Async)?Iteration/.test(step.raised)) return told;
  const passedOn = step.calls.some((call) => call.steps.at(-1)?.raised === step.raised);
  const code = codeOf(step);
  return passedOn
    ? `${step.raised.split(':')[0]} comes through to \`${code}\`.`
    : `\`${code}\` raises ${step.raised}.`;
}

/** Whether a test held, by what ran next; undefined where the trace cannot tell. */
export function verdictOf(step: Step): boolean | undefined {
  const { statement, next } = step;
  if (statement.kind !== 'if' && statement.kind !== 'while' && statement.kind !== 'for') return undefined;
  if (statement.body !== statement.line) return next?.kind === 'line' && next.line === statement.body;
  if (statement.kind === 'for') return undefined;
  const value = evaluate(statement.test, step.before);
  return value === undefined ? undefined : truth(value);
}

function tellEffect(step: Step, { fresh, printed }: Telling): string | undefined {
  const { statement } = step;
  switch (statement.kind) {
    case 'assign':
      return tellAssignment(step, statement);
    case 'append':
      return tellAppend(step, statement);
    case 'if':
    case 'while':
      return tellTest(step, statement, fresh ?? new Set());
    case 'return':
      return tellReturn(step, statement);
    case 'for':
      return tellChanges(step);
    case 'expression':
      return tellExpression(step, statement, printed);
    case 'other':
      return tellOther(step);
    default:
      return statement satisfies never;
  }
}

function tellAssignment(step: Step, statement: Statement & { kind: 'assign' }): string | undefined {
  const { target } = statement;
  const now = step.after.get(target);
  if (now === undefined || step.raised !== undefined) return undefined;
  const value = shown(now);
  if (value === undefined) return isDefinition(now) ? undefined : tellLong(target, now, codeOf(step));
  const was = step.before.get(target);
  const others = alsoChanged(step, target);
  const worked = statement.value.text === now ? now : calculation(statement.value, step.before, now);
  if (worked !== undefined) {
    const verb = was === undefined ? 'is set to' : was === now ? 'stays' : 'becomes';
    return `${target} ${verb} ${worked}${others}.`;
  }
  return `\`${codeOf(step)}\` ${was === now ? 'leaves' : 'makes'} ${target} = ${value}${others}.`;
}

/** A function, class or module: that a name stands for it is nothing to tell. */
function isDefinition(value: string): boolean {
  return /^<(function|class|module|builtin|method|bound|partial|type)\b/.test(value);
}

function tellAppend(step: Step, statement: Statement & { kind: 'append' }): string | undefined {
  const { target } = statement;
  const now = step.after.get(target);
  if (now === undefined) return tellOther(step);
  const value = evaluate(statement.value, step.before);
  const item = value === undefined ? undefined : renderValue(value);
  const worked = item === undefined ? undefined : calculation(statement.value, step.before, item);
  const whole = shown(now);
  if (whole === undefined || worked === undefined) {
    return whole === undefined ? tellLong(target, now, codeOf(step)) : tellOther(step);
  }
  return worked === item
    ? `${item} is appended to ${target}, which becomes ${whole}.`
    : `${worked} is appended to ${target}, which becomes ${whole}.`;
}

function tellTest(
  step: Step,
  statement: Statement & { kind: 'if' | 'while' },
  fresh: ReadonlySet<string>,
): string {
  const verdict = verdictOf(step);
  if (statement.test.kind === 'literal') return '';
  const facts = factsOf(statement.test, step.before).filter((fact) => !fresh.has(fact));
  const test = oneLine(statement.test.text);
  const shownFacts = facts.length > 0 ? `with ${listOf(facts)}` : '';
  if (verdict === undefined) return '';
  return shownFacts === ''
    ? `\`${test}\` is ${word(verdict)}.`
    : `\`${test}\` is ${word(verdict)} ${shownFacts}.`;
}

function tellReturn(step: Step, statement: ValueStatement): string | undefined {
  const name = step.frame.function;
  if (step.next?.kind !== 'return') return undefined;
  const value = shown(step.next.value);
  if (value === undefined)
    return `${name} returns the value of \`${statement.value?.text.split('\n')[0] ?? 'None'}\`.`;
  const worked = statement.value && calculation(statement.value, step.before, value);
  if (worked !== undefined || statement.value === undefined || statement.value.kind === 'name')
    return `${name} returns ${worked ?? value}.`;
  return `${name} returns ${value}, the value of \`${codeOf(step).replace(/^return\s+/, '')}\`.`;
}

function tellExpression(
  step: Step,
  statement: ValueStatement,
  printed: Printed | undefined,
): string | undefined {
  if (/^\s*[rRuUbB]?["']/.test(statement.text)) return undefined;
  const told = printed && tellPrinted(step, printed);
  if (told !== undefined) return told;
  return tellChanges(step) ?? (step.calls.length > 0 ? undefined : tellIdle(step));
}

/** What a print printed, in backticks; undefined where that cannot be shown. */
function tellPrinted(step: Step, { text, end }: Printed): string | undefined {
  if (/[`\n]/.test(text) || text.length > LONGEST_VALUE) return undefined;
  const code = codeOf(step);
  if (text === '') return end === '\n' ? `\`${code}\` ends the line.` : undefined;
  if (end === '\n') return `\`${code}\` prints \`${text}\`.`;
  return end === ' '
    ? `\`${code}\` prints \`${text}\` and a space, on the same line.`
    : end === ''
      ? `\`${code}\` prints \`${text}\` without ending the line.`
      : undefined;
}

/** A statement that changed nothing: `xs.reverse()` on an empty list. */
function tellIdle(step: Step): string {
  const code = codeOf(step);
  const object = /^([A-Za-z_]\w*)(?:\.\w+\(|\[)/.exec(step.statement.text)?.[1];
  const value = object === undefined ? undefined : shown(step.after.get(object));
  return value === undefined ? `\`${code}\` runs.` : `\`${code}\` leaves ${object} = ${value}.`;
}

const SILENT = /^(def|class|async def|import|from|pass|try|global|nonlocal|@|with|else|finally|del)\b|^@/;

function tellOther(step: Step): string | undefined {
  if (/^(import|from)\b/.test(step.statement.text)) return undefined;
  const changes = tellChanges(step);
  if (changes !== undefined) return changes;
  const { text } = step.statement;
  if (/^break\b/.test(text)) return '`break` ends the loop.';
  if (/^continue\b/.test(text)) return '`continue` goes on with the next round.';
  if (SILENT.test(text) || step.raised !== undefined) return undefined;
  if (/^(raise|assert)\b/.test(text)) return undefined;
  return step.calls.length > 0 ? undefined : tellIdle(step);
}

/** The changes of a step that has no form of its own. */
function tellChanges(step: Step): string | undefined {
  if (step.statement.kind === 'for') return undefined;
  const code = codeOf(step);
  const item = tellItem(step);
  if (item !== undefined) return item;
  const told = toldNames(step).filter((name) => shown(step.after.get(name)) !== undefined);
  const long = step.changed.find((name) => {
    const now = step.after.get(name);
    return now !== undefined && shown(now) === undefined && !isNameless(now);
  });
  if (told.length > 0) {
    const facts = told.slice(0, 6).map((name) => `${name} = ${step.after.get(name)}`);
    return `\`${code}\` makes ${listOf(facts)}.`;
  }
  return long === undefined ? undefined : tellLong(long, step.after.get(long)!, code);
}

const SEVERAL = /^([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)+)\s*=(?!=)/;

/** What changed; of `a, b = …` both, in their order, whether they changed or not. */
function toldNames({ statement, changed, after, raised }: Step): readonly string[] {
  const targets = SEVERAL.exec(statement.text)?.[1]
    ?.split(',')
    .map((name) => name.trim());
  if (targets === undefined || changed.length === 0 || raised !== undefined) return changed;
  return [...new Set([...targets, ...changed])].filter((name) => after.has(name));
}

/** Longer containers are told by the item that was set. */
const LONGEST_CONTAINER = 60;
const ITEM = /^([A-Za-z_]\w*)((?:\[[^=]+?\])+)\s*(?:[-+*/%&|^@]|\/\/|\*\*|<<|>>)?=(?!=)/;

/** `dp[i][j] += 1`, where dp is too long to be shown: `makes dp[2][3] = 5`. */
function tellItem(step: Step): string | undefined {
  const item = itemSetBy(step);
  const container = item && step.after.get(item.name);
  if (container === undefined || container.length <= LONGEST_CONTAINER) return undefined;
  if (step.raised !== undefined || !step.changed.includes(item!.name)) return undefined;
  const value = shown(renderedOf(item!.target, step.after));
  return value === undefined
    ? `\`${codeOf(step)}\` changes ${item!.name}.`
    : `\`${codeOf(step)}\` makes ${item!.place} = ${value}.`;
}

/** The item that a statement such as `dp[i][j] += 1` sets, with its place worked out: `dp[2][3]`. */
export function itemSetBy(
  step: Step,
): { readonly name: string; readonly target: Expression; readonly place: string } | undefined {
  const [whole, name = '', places = ''] = ITEM.exec(step.statement.text) ?? [];
  const target = whole === undefined ? undefined : parseExpression(name + places);
  const place = target && placeOf(target, step.after);
  return target && place !== undefined ? { name, target, place } : undefined;
}

/** `dp[i][j]` with its indices worked out: `dp[2][3]`. */
function placeOf(target: Expression, variables: Variables): string | undefined {
  if (target.kind === 'name') return target.name;
  if (target.kind !== 'index') return undefined;
  const object = placeOf(target.object, variables);
  const index = renderedOf(target.index, variables);
  if (object === undefined || index === undefined || index.length > 30) return undefined;
  return `${object}[${index}]`;
}

function tellLong(name: string, value: string, code: string): string {
  const length = lengthOf(value);
  return length === undefined
    ? `\`${code}\` changes ${name}.`
    : `\`${code}\` gives ${name} a length of ${length}.`;
}

function alsoChanged(step: Step, except: string): string {
  const others = step.changed.filter((name) => name !== except && shown(step.after.get(name)) !== undefined);
  if (others.length === 0) return '';
  return `, and with it ${listOf(others.map((name) => `${name} = ${step.after.get(name)}`))}`;
}

const codes = new WeakMap<Statement, string>();

/** The first line of a statement, to be quoted. */
export function codeOf({ statement }: Step): string {
  const known = codes.get(statement);
  if (known !== undefined) return known;
  const code = quotable(statement);
  codes.set(statement, code);
  return code;
}

function quotable(statement: Statement): string {
  const [first = '', ...more] = statement.text.split('\n');
  const text = first
    .replace(/\s+#.*$/, '')
    .replace(/`/g, "'")
    .trim();
  return more.length > 0 && !text.endsWith(':') ? `${text} …` : text.replace(/:$/, '');
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').replace(/`/g, "'");
}

function word(verdict: boolean): string {
  return verdict ? 'true' : 'false';
}

export function listOf(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
