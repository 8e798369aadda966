/**
 * What each `print` of an execution printed. The trace holds the whole output only; a print's own part is worked out from
 * its arguments, or, where they cannot be worked out, read off the output: when every print is a statement of its own and
 * nothing else writes, prints that end their line take one line each, and all of them together have to come to the output
 * exactly. Otherwise nothing is said of them.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import { safeParsePythonLiteral } from '../core/python-literal.js';
import { renderedOf, type Variables } from './evaluate.js';
import { type Expression, parseExpression, type Statement } from './python-source.js';
import type { Step, StepTree } from './steps.js';

export interface Printed {
  /** Without what ends it. */
  readonly text: string;
  /** `\n` unless the call says otherwise. */
  readonly end: string;
}

interface Print {
  /** undefined for what is no plain expression, such as `*xs`. */
  readonly parts: readonly (Expression | undefined)[];
  readonly separator: string;
  readonly end: string;
}

/** By step; steps that print nothing, and those of which it is not known what, are left out. */
export function printedBy({ frames }: StepTree, source: string, stdout: string): ReadonlyMap<Step, Printed> {
  const steps = frames
    .flatMap((frame) => frame.steps)
    .filter((step) => step.raised === undefined && printOf(step.statement) !== undefined)
    .sort((a, b) => a.time - b.time);
  const known = new Map<Step, Printed>();
  for (const step of steps) {
    const printed = workedOut(printOf(step.statement)!, step.before);
    if (printed) known.set(step, printed);
  }
  if (known.size === steps.length || !onlyStatementsPrint(source)) return known;
  return readOff(steps, known, stdout) ?? known;
}

function readOff(
  steps: readonly Step[],
  known: ReadonlyMap<Step, Printed>,
  stdout: string,
): ReadonlyMap<Step, Printed> | undefined {
  const all = new Map(known);
  let at = 0;
  for (const step of steps) {
    const printed = known.get(step);
    const { end } = printOf(step.statement)!;
    if (printed) {
      if (!stdout.startsWith(printed.text + end, at)) return undefined;
      at += printed.text.length + end.length;
      continue;
    }
    const stop = stdout.indexOf('\n', at);
    if (end !== '\n' || stop < 0) return undefined;
    all.set(step, { text: stdout.slice(at, stop), end });
    at = stop + 1;
  }
  return at === stdout.length ? all : undefined;
}

function onlyStatementsPrint(source: string): boolean {
  const calls = source.match(/\bprint\b/g)?.length ?? 0;
  const statements = source.match(/^[ \t]*print\(|[:;][ \t]*print\(/gm)?.length ?? 0;
  return calls === statements && !/\bstdout\b|\bstderr\b|\bwrite\b|\bexec\b/.test(source);
}

function workedOut({ parts, separator, end }: Print, variables: Variables): Printed | undefined {
  const texts = parts.map((part) => {
    const rendered = part && renderedOf(part, variables);
    if (rendered === undefined || rendered.startsWith('<')) return undefined;
    const value = /^['"]/.test(rendered) ? safeParsePythonLiteral(rendered) : undefined;
    return value?.kind === 'str' ? value.value : rendered;
  });
  return texts.some((text) => text === undefined) ? undefined : { text: texts.join(separator), end };
}

const prints = new WeakMap<Statement, Print | null>();

function printOf(statement: Statement): Print | undefined {
  const known = prints.get(statement);
  if (known !== undefined) return known ?? undefined;
  const print = statement.kind === 'expression' ? readPrint(statement.text) : undefined;
  prints.set(statement, print ?? null);
  return print;
}

function readPrint(text: string): Print | undefined {
  if (!text.startsWith('print(')) return undefined;
  const call = parser.parse(`${text}\n`).topNode.firstChild?.firstChild;
  const args = call?.name === 'CallExpression' ? call.getChild('ArgList') : null;
  if (!args) return undefined;
  const parts: (Expression | undefined)[] = [];
  let [separator, end] = [' ', '\n'];
  for (let child = args.firstChild; child; child = child.nextSibling) {
    if ('(),'.includes(child.name) || child.name === 'Comment') continue;
    const isKeyword = child.name === 'VariableName' && child.nextSibling?.name === 'AssignOp';
    if (!isKeyword) {
      const starred = child.name === '*' || child.name === '**' || child.name === 'for';
      parts.push(starred ? undefined : parseExpression(textOf(child, text)));
      if (starred) return { parts: [undefined], separator, end };
      continue;
    }
    const value: SyntaxNode | null | undefined = child.nextSibling?.nextSibling;
    const given = value ? stringOf(textOf(value, text)) : undefined;
    const name = textOf(child, text);
    if (given === undefined || (name !== 'sep' && name !== 'end')) return undefined;
    if (name === 'sep') separator = given;
    else end = given;
    child = value!;
  }
  return { parts, separator, end };
}

function stringOf(text: string): string | undefined {
  const value = safeParsePythonLiteral(text);
  return value?.kind === 'str' ? value.value : undefined;
}

function textOf(node: SyntaxNode, text: string): string {
  return text.slice(node.from, node.to);
}
