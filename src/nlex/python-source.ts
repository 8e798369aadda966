/**
 * A Python program as the narrators need it: which statement starts on a line, and the expressions in it as small
 * trees. Parsing is Lezer's (@lezer/python); expressions outside the modelled part become `opaque` and keep
 * their text, so that a narrator can still quote them.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';

export type Expression =
  | { readonly kind: 'name'; readonly name: string; readonly text: string }
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly text: string }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
      readonly text: string;
    }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression; readonly text: string }
  | {
      readonly kind: 'call';
      readonly callee: string;
      readonly args: readonly Expression[];
      readonly text: string;
    }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression; readonly text: string }
  /** `parts`: of a method call, its object and its arguments, which its value rests on. */
  | { readonly kind: 'opaque'; readonly text: string; readonly parts?: readonly Expression[] };

/** A statement by the line it starts on. Lines count from 1; `body` is the first line of the block it opens. */
export type Statement =
  | {
      readonly kind: 'assign';
      readonly line: number;
      readonly text: string;
      readonly target: string;
      readonly value: Expression;
    }
  | {
      readonly kind: 'if' | 'while';
      readonly line: number;
      readonly text: string;
      readonly test: Expression;
      readonly body: number;
    }
  | {
      readonly kind: 'for';
      readonly line: number;
      readonly text: string;
      readonly target: string;
      readonly iterable: Expression;
      readonly body: number;
    }
  | {
      readonly kind: 'append';
      readonly line: number;
      readonly text: string;
      readonly target: string;
      readonly value: Expression;
    }
  | {
      readonly kind: 'return' | 'expression';
      readonly line: number;
      readonly text: string;
      readonly value: Expression | undefined;
    }
  | { readonly kind: 'other'; readonly line: number; readonly text: string };

export interface PythonSource {
  /** Statements by starting line; of several on one line the first. */
  readonly statements: ReadonlyMap<number, Statement>;
  /** Compound statements: the line they start on → the last line of their block (of a loop without its `else`). */
  readonly blockEnds: ReadonlyMap<number, number>;
  /** False when the parser had to recover from a syntax error. */
  readonly wellFormed: boolean;
}

/** Programs parsed of late: each is narrated and grounded on several inputs. */
const recent = new Map<string, PythonSource>();
const MOST_RECENT = 64;

/** Parses a whole file. Never throws: `wellFormed` says whether the parser had to recover from a syntax error. */
export function parsePython(source: string): PythonSource {
  const known = recent.get(source);
  if (known) return known;
  const parsed = parseAnew(source);
  recent.set(source, parsed);
  if (recent.size > MOST_RECENT) recent.delete(recent.keys().next().value!);
  return parsed;
}

function parseAnew(source: string): PythonSource {
  const lineStarts = [0];
  for (let i = 0; i < source.length; i++) if (source[i] === '\n') lineStarts.push(i + 1);
  const context: Context = { source, lineOf: (position) => lineAt(lineStarts, position) };
  const statements = new Map<number, Statement>();
  const blockEnds = new Map<number, number>();
  let wellFormed = true;
  parser.parse(source).iterate({
    enter: (ref) => {
      if (ref.type.isError) wellFormed = false;
      if (ref.name === 'ForStatement' || ref.name === 'WhileStatement') {
        const body = ref.node.getChild('Body');
        if (body) {
          blockEnds.set(
            context.lineOf(ref.from),
            context.lineOf(body.from + textOf(body, context).trimEnd().length),
          );
        }
      }
      for (const statement of readStatements(ref.node, context)) {
        if (!statements.has(statement.line)) statements.set(statement.line, statement);
      }
    },
  });
  return { statements, blockEnds, wellFormed };
}

/** One expression on its own; `undefined` when the text is none. */
export function parseExpression(text: string): Expression | undefined {
  const code = `(${text})\n`;
  const statement = parser.parse(code).topNode.firstChild;
  const inner = statement?.firstChild?.firstChild?.nextSibling;
  if (statement?.name !== 'ExpressionStatement' || !inner || inner.nextSibling?.name !== ')')
    return undefined;
  let broken = false;
  statement.cursor().iterate((ref) => {
    if (ref.type.isError) broken = true;
  });
  return broken ? undefined : readExpression(inner, { source: code, lineOf: () => 1 });
}

interface Context {
  readonly source: string;
  readonly lineOf: (position: number) => number;
}

const OTHER_STATEMENTS = new Set([
  'PassStatement',
  'BreakStatement',
  'ContinueStatement',
  'DeleteStatement',
  'ImportStatement',
  'RaiseStatement',
  'AssertStatement',
  'ScopeStatement',
  'FunctionDefinition',
  'ClassDefinition',
  'TryStatement',
  'WithStatement',
  'MatchStatement',
  'DecoratedStatement',
]);

function readStatements(node: SyntaxNode, context: Context): Statement[] {
  const line = context.lineOf(node.from);
  const text = headOf(node, context);
  switch (node.name) {
    case 'AssignStatement':
      return [readAssignment(node, line, text, context)];
    case 'UpdateStatement':
      return [readUpdate(node, line, text, context)];
    case 'IfStatement':
    case 'WhileStatement':
      return readTests(node, context);
    case 'ForStatement':
      return [readFor(node, line, text, context)];
    case 'ExpressionStatement':
      return [readExpressionStatement(node, line, text, context)];
    case 'ReturnStatement': {
      const value = childAfter(node, 'return');
      const single = value !== null && value.nextSibling === null;
      return [
        {
          kind: 'return',
          line,
          text,
          value: value === null ? undefined : single ? readExpression(value, context) : opaque(text.slice(7)),
        },
      ];
    }
    default:
      return OTHER_STATEMENTS.has(node.name) ? [{ kind: 'other', line, text }] : [];
  }
}

function readAssignment(node: SyntaxNode, line: number, text: string, context: Context): Statement {
  const target = node.firstChild;
  const next = target?.nextSibling;
  const operator = next?.name === 'TypeDef' ? next.nextSibling : next;
  const value = operator?.nextSibling;
  if (target?.name !== 'VariableName' || operator?.name !== 'AssignOp' || !value || value.nextSibling) {
    return { kind: 'other', line, text };
  }
  return {
    kind: 'assign',
    line,
    text,
    target: textOf(target, context),
    value: readExpression(value, context),
  };
}

/** `x += e` is told as `x = x + e`; for lists that differs only in identity, which a narration does not show. */
function readUpdate(node: SyntaxNode, line: number, text: string, context: Context): Statement {
  const target = node.firstChild;
  const operator = target?.nextSibling;
  const value = operator?.nextSibling;
  if (target?.name !== 'VariableName' || operator?.name !== 'UpdateOp' || !value || value.nextSibling) {
    return { kind: 'other', line, text };
  }
  const name = textOf(target, context);
  const left: Expression = { kind: 'name', name, text: name };
  const right = readExpression(value, context);
  const sign = textOf(operator, context).slice(0, -1);
  const whole: Expression = {
    kind: 'binary',
    operator: sign,
    left,
    right,
    text: `${name} ${sign} ${right.text}`,
  };
  return { kind: 'assign', line, text, target: name, value: whole };
}

/** An `if` and its `elif`s each have a test on a line of their own. */
function readTests(node: SyntaxNode, context: Context): Statement[] {
  const out: Statement[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (child.name !== 'if' && child.name !== 'elif' && child.name !== 'while') continue;
    const test = child.nextSibling;
    const body = test?.nextSibling;
    if (!test || body?.name !== 'Body') continue;
    out.push({
      kind: node.name === 'WhileStatement' ? 'while' : 'if',
      line: context.lineOf(child.from),
      text: context.source.slice(child.from, body.from),
      test: readExpression(test, context),
      body: bodyLine(body, context),
    });
  }
  return out;
}

function readFor(node: SyntaxNode, line: number, text: string, context: Context): Statement {
  const target = childAfter(node, 'for');
  const iterable = childAfter(node, 'in');
  const body = node.getChild('Body');
  if (target?.name !== 'VariableName' || target.nextSibling?.name !== 'in' || !iterable || !body) {
    return { kind: 'other', line, text };
  }
  return {
    kind: 'for',
    line,
    text,
    target: textOf(target, context),
    iterable: readExpression(iterable, context),
    body: bodyLine(body, context),
  };
}

function readExpressionStatement(node: SyntaxNode, line: number, text: string, context: Context): Statement {
  const value = node.firstChild;
  if (!value || value.nextSibling) return { kind: 'other', line, text };
  const callee = value.firstChild;
  if (value.name === 'CallExpression' && callee?.name === 'MemberExpression') {
    const object = callee.firstChild;
    const args = readArguments(value.getChild('ArgList'), context);
    const method = callee.lastChild;
    if (
      object?.name === 'VariableName' &&
      method &&
      args?.length === 1 &&
      textOf(method, context) === 'append'
    ) {
      return { kind: 'append', line, text, target: textOf(object, context), value: args[0]! };
    }
  }
  return { kind: 'expression', line, text, value: readExpression(value, context) };
}

function readExpression(node: SyntaxNode, context: Context): Expression {
  const text = textOf(node, context);
  switch (node.name) {
    case 'VariableName':
      return { kind: 'name', name: text, text };
    case 'Number':
    case 'String':
    case 'Boolean':
    case 'None':
      return { kind: 'literal', text };
    case 'ParenthesizedExpression': {
      const inner = node.firstChild?.nextSibling;
      if (!inner || inner.name === ')' || inner.nextSibling?.name !== ')') return { kind: 'opaque', text };
      return { ...readExpression(inner, context), text };
    }
    case 'ArrayExpression': {
      const items = readArguments(node, context);
      return items ? { kind: 'list', items, text } : { kind: 'opaque', text };
    }
    case 'BinaryExpression':
      return readBinary(node, text, context);
    case 'UnaryExpression': {
      const operand = node.lastChild;
      if (!operand || !node.firstChild) return { kind: 'opaque', text };
      return {
        kind: 'unary',
        operator: textOf(node.firstChild, context),
        operand: readExpression(operand, context),
        text,
      };
    }
    case 'CallExpression': {
      const args = readArguments(node.getChild('ArgList'), context);
      const callee = node.firstChild;
      if (!args || !callee) return { kind: 'opaque', text };
      if (callee.name === 'VariableName')
        return { kind: 'call', callee: textOf(callee, context), args, text };
      const object = callee.name === 'MemberExpression' ? callee.firstChild : null;
      const parts = object && [readExpression(object, context), ...args];
      return { kind: 'opaque', text, ...(parts && { parts }) };
    }
    case 'MemberExpression': {
      const object = node.firstChild;
      const index = object?.nextSibling?.nextSibling;
      if (object?.nextSibling?.name !== '[' || !index || index.nextSibling?.name !== ']') {
        return { kind: 'opaque', text };
      }
      return {
        kind: 'index',
        object: readExpression(object, context),
        index: readExpression(index, context),
        text,
      };
    }
    default:
      return { kind: 'opaque', text };
  }
}

function readBinary(node: SyntaxNode, text: string, context: Context): Expression {
  const left = node.firstChild;
  const right = node.lastChild;
  if (!left || !right) return { kind: 'opaque', text };
  const operator = context.source.slice(left.to, right.from).trim().replace(/\s+/g, ' ');
  return {
    kind: 'binary',
    operator,
    left: readExpression(left, context),
    right: readExpression(right, context),
    text,
  };
}

/** Positional arguments (or list items) only; anything else gives `undefined`. */
function readArguments(node: SyntaxNode | null, context: Context): Expression[] | undefined {
  if (!node) return undefined;
  const out: Expression[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if ('([,])'.includes(child.name)) continue;
    if (['*', '**', 'AssignOp', 'for', 'Comment', 'async'].includes(child.name)) return undefined;
    out.push(readExpression(child, context));
  }
  return out;
}

function opaque(text: string): Expression {
  return { kind: 'opaque', text: text.trim() };
}

function childAfter(node: SyntaxNode, keyword: string): SyntaxNode | null {
  return node.getChild(keyword)?.nextSibling ?? null;
}

function bodyLine(body: SyntaxNode, context: Context): number {
  let first = body.firstChild?.nextSibling;
  while (first?.name === 'Comment') first = first.nextSibling;
  return context.lineOf(first ? first.from : body.from);
}

function textOf(node: SyntaxNode, context: Context): string {
  return context.source.slice(node.from, node.to);
}

/** The statement's own text: a compound statement without its block. */
function headOf(node: SyntaxNode, context: Context): string {
  const body = node.getChild('Body');
  return context.source.slice(node.from, body ? body.from : node.to).trimEnd();
}

/** The line (from 1) that holds a position, by bisection. */
function lineAt(starts: readonly number[], position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}
