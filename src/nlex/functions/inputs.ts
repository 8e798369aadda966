/**
 * Inputs for a function: calls found in its file (doctests, asserts, examples, call sites), its defaults, boundary
 * values and drawn values of its parameters' types, and mutations of calls that worked.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import { safeParsePythonLiteral } from '../../core/python-literal.js';
import type { Rng } from '../../core/rng.js';
import type { FoundFunction } from './find-functions.js';
import { boundaryValues, drawValue, mutateLiteral, typeOfParameter, writeLiteral } from './python-types.js';

/** `call`: a call site in the file; `main`: one under `if __name__ == "__main__"`. */
export type InputOrigin =
  | 'doctest'
  | 'assert'
  | 'main'
  | 'call'
  | 'default'
  | 'boundary'
  | 'fuzzed'
  | 'mutated'
  | 'proposed';

/** A call of the function, as an expression. */
export interface CandidateInput {
  readonly expression: string;
  readonly origin: InputOrigin;
}

const LONGEST_CALL = 600;
const BUILTINS = new Set(
  'range list set tuple dict frozenset float int str bool bytes complex len abs sum sorted reversed min max round chr ord True False None map zip enumerate pow divmod'.split(
    ' ',
  ),
);

/** The calls that a text holds, by the name of the function: a file is read once for all its functions. */
export type CallIndex = ReadonlyMap<string, readonly FoundCall[]>;

interface FoundCall {
  readonly args: SyntaxNode;
  readonly text: string;
  readonly origin: InputOrigin;
}

/** The calls in a file's doctests, then those in its code: asserts, examples under `__main__`, call sites. */
export function indexCalls(fileText: string): CallIndex {
  const index = new Map<string, FoundCall[]>();
  collectCalls(doctestsOf(fileText), () => 'doctest', index);
  collectCalls(fileText, originOf(fileText), index);
  return index;
}

/** The calls in a text that a model wrote, line by line: bullets, numbers and backticks around them do not matter. */
export function indexProposals(text: string): CallIndex {
  const index = new Map<string, FoundCall[]>();
  for (const line of text.split('\n')) {
    const bare = line.replace(/^\s*(?:[-*•]|\d+[.)])?\s*/, '').replaceAll('`', '');
    if (bare.includes('(')) collectCalls(`${bare}\n`, () => 'proposed', index);
  }
  return index;
}

/** Those of a function with constant arguments; equal ones once, in order. */
export function findCalls({ name, usable }: FoundFunction, index: CallIndex, most = 12): CandidateInput[] {
  const calls = new Map<string, InputOrigin>();
  for (const { args, text, origin } of index.get(name) ?? []) {
    const given = writeArguments(args, text, usable);
    const expression = `${name}(${given})`;
    if (given !== undefined && expression.length <= LONGEST_CALL && !calls.has(expression))
      calls.set(expression, origin);
  }
  return [...calls].slice(0, most).map(([expression, origin]) => ({ expression, origin }));
}

function collectCalls(
  text: string,
  originAt: (node: SyntaxNode) => InputOrigin,
  index: Map<string, FoundCall[]>,
): void {
  parser.parse(text).iterate({
    enter: ({ name: kind, node }) => {
      if (kind !== 'CallExpression') return;
      const callee = node.firstChild;
      const args = node.getChild('ArgList');
      if (callee?.name !== 'VariableName' || !args) return;
      const name = text.slice(callee.from, callee.to);
      const found = { args, text, origin: originAt(node) };
      const others = index.get(name);
      if (others) others.push(found);
      else index.set(name, [found]);
    },
  });
}

/** Whether a call stands in an assert, under `if __name__ == "__main__"`, or elsewhere. */
function originOf(text: string): (node: SyntaxNode) => InputOrigin {
  return (node) => {
    for (let outer = node.parent; outer; outer = outer.parent) {
      if (outer.name === 'AssertStatement') return 'assert';
      if (
        outer.name === 'IfStatement' &&
        /^if\s+\(?\s*__name__\b/.test(text.slice(outer.from, outer.from + 40))
      )
        return 'main';
    }
    return 'call';
  };
}

/** The arguments with literals spelled as Python does; undefined unless all are constant. */
function writeArguments(args: SyntaxNode, text: string, usable: ReadonlySet<string>): string | undefined {
  const parts: string[] = [];
  let keyword = '';
  for (let child = args.firstChild; child; child = child.nextSibling) {
    if ('(),'.includes(child.name) || child.name === 'Comment') continue;
    if (child.name === 'AssignOp') continue;
    if (child.name === 'VariableName' && child.nextSibling?.name === 'AssignOp') {
      keyword = `${text.slice(child.from, child.to)}=`;
      continue;
    }
    if (child.name === '*' || child.name === '**' || child.name === 'for') return undefined;
    const written = writeConstant(child, text, usable);
    if (written === undefined) return undefined;
    parts.push(keyword + written);
    keyword = '';
  }
  return parts.join(', ');
}

function writeConstant(node: SyntaxNode, text: string, usable: ReadonlySet<string>): string | undefined {
  const raw = text.slice(node.from, node.to);
  const literal = safeParsePythonLiteral(raw);
  const written = literal && writeLiteral(literal);
  if (written !== undefined) return written;
  let constant = true;
  node.cursor().iterate((ref) => {
    if (ref.type.isError || ref.name === 'ComprehensionExpression' || ref.name === 'LambdaExpression')
      constant = false;
    if (ref.name === 'VariableName') {
      const name = text.slice(ref.from, ref.to);
      if (!BUILTINS.has(name) && !usable.has(name)) constant = false;
    }
  });
  if (!constant || /^[A-Za-z_]\w*$/.test(raw)) return literal === undefined ? undefined : raw;
  return raw.includes('\n') ? raw.replace(/\s*\n\s*/g, ' ') : raw;
}

/** The code of a text's doctests. */
function doctestsOf(text: string): string {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const code = /^\s*(>>>|\.\.\.) ?(.*)$/.exec(line);
    if (code) lines.push(code[2]!);
  }
  return `${lines.join('\n')}\n`;
}

/** Calls made up from the parameters' types; empty when a parameter takes only objects. */
export function makeCalls(target: FoundFunction, rng: Rng, drawn: number): CandidateInput[] {
  const required = target.parameters.filter(({ hasDefault }) => !hasDefault);
  if (required.length === 0) {
    const call: CandidateInput = { expression: `${target.name}()`, origin: 'default' };
    if (target.parameters.length === 0) return [call];
    return [call, ...typedCalls(target, target.parameters.slice(0, 1), rng, drawn)];
  }
  return typedCalls(target, required, rng, drawn);
}

function typedCalls(
  { name, body }: FoundFunction,
  parameters: FoundFunction['parameters'],
  rng: Rng,
  drawn: number,
): CandidateInput[] {
  const types = parameters.map((parameter) => typeOfParameter(parameter, body));
  if (types.some((type) => type === undefined)) return [];
  const known = types.map((type) => type!);
  const out: CandidateInput[] = [];
  const add = (values: readonly string[], origin: InputOrigin): void => {
    out.push({ expression: `${name}(${values.join(', ')})`, origin });
  };
  const edges = known.map(boundaryValues);
  const rows = Math.min(5, Math.max(...edges.map(({ length }) => length)));
  for (let row = 0; row < rows; row++) {
    add(
      edges.map((values, at) => values[(row + at * (row > 0 ? 1 : 0)) % values.length]!),
      'boundary',
    );
  }
  for (let i = 0; i < drawn; i++) {
    const values = known.map((type) => drawValue(type, rng));
    add(values, 'fuzzed');
  }
  return out;
}

/** Calls like this one with one argument changed; for positional literal arguments. */
export function mutateCall(expression: string, rng: Rng, count: number): CandidateInput[] {
  const call = parser.parse(`${expression}\n`).topNode.firstChild?.firstChild;
  const args = call?.getChild('ArgList');
  if (!call || !args) return [];
  const parts: { from: number; to: number }[] = [];
  for (let child = args.firstChild; child; child = child.nextSibling) {
    if (!'(),'.includes(child.name)) parts.push({ from: child.from, to: child.to });
  }
  const out: CandidateInput[] = [];
  for (let i = 0; i < count && parts.length > 0; i++) {
    const { from, to } = rng.pick(parts);
    const changed = mutateLiteral(expression.slice(from, to), rng);
    if (changed === undefined) continue;
    const mutated = expression.slice(0, from) + changed + expression.slice(to);
    if (mutated.length <= LONGEST_CALL) out.push({ expression: mutated, origin: 'mutated' });
  }
  return out;
}
