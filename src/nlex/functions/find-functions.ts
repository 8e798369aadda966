/**
 * Python functions that can run by themselves: each top-level function of a file with the imports, helpers, classes
 * and constants of its file that it needs, as one program; the others with the reason why not.
 * Doctests are left out of the programs: they would state the answers that a model is to work out.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';

export interface PythonFile {
  readonly path: string;
  readonly text: string;
}

export interface Parameter {
  readonly name: string;
  /** Text of the annotation. */
  readonly annotation: string | undefined;
  readonly hasDefault: boolean;
}

export interface FoundFunction {
  readonly name: string;
  readonly path: string;
  /** Line of its `def` in the file, from 1. */
  readonly line: number;
  /** The program that defines it. */
  readonly source: string;
  /** Its own text, for looking at how parameters are used. */
  readonly body: string;
  /** Positional ones. */
  readonly parameters: readonly Parameter[];
  /** Names that a constant argument may use besides literals: classes and constants of the program. */
  readonly usable: ReadonlySet<string>;
}

export interface FunctionSearch {
  readonly functions: readonly FoundFunction[];
  /** All top-level functions, the left-out ones included. */
  readonly total: number;
  /** Reason → count. */
  readonly excluded: Readonly<Record<string, number>>;
}

interface Definition {
  readonly node: SyntaxNode;
  readonly names: readonly string[];
  /** Every name that occurs in it. */
  readonly uses: ReadonlySet<string>;
  /** The packages that an import statement imports. */
  readonly imports: readonly string[];
}

const STANDARD = new Set(
  `__future__ abc array ast base64 bisect builtins calendar cmath collections contextlib copy dataclasses datetime decimal difflib doctest enum fractions functools graphlib hashlib heapq html itertools json keyword locale logging math numbers operator pprint queue re reprlib statistics string struct sys textwrap threading timeit traceback types typing unicodedata unittest warnings weakref zlib binascii colorsys`.split(
    ' ',
  ),
);
const UNSTEADY = new Set(['random', 'secrets', 'time', 'uuid', 'tempfile', 'platform', 'getpass']);
const OUTSIDE = new Set(
  `asyncio concurrent csv ctypes glob gzip http io multiprocessing os pathlib pickle select shutil signal socket sqlite3 ssl subprocess tarfile urllib webbrowser xml zipfile tkinter argparse`.split(
    ' ',
  ),
);

/** Finds the functions of a file. Never throws: a file that is no Python gives none. */
export function findFunctions({ path, text }: PythonFile): FunctionSearch {
  const tree = parser.parse(text);
  const definitions: Definition[] = [];
  const excluded: Record<string, number> = {};
  for (let node = tree.topNode.firstChild; node; node = node.nextSibling) {
    const definition = readDefinition(node, text);
    if (definition) definitions.push(definition);
  }
  const byName = new Map<string, Definition[]>();
  for (const definition of definitions) {
    for (const name of definition.names) byName.set(name, [...(byName.get(name) ?? []), definition]);
  }
  const functions: FoundFunction[] = [];
  let total = 0;
  for (const definition of definitions) {
    const node = functionOf(definition.node);
    if (!node) continue;
    total++;
    const found = readFunction(definition, node, { path, text, definitions, byName });
    if (typeof found === 'string') excluded[found] = (excluded[found] ?? 0) + 1;
    else functions.push(found);
  }
  return { functions, total, excluded };
}

interface FileContext extends PythonFile {
  readonly definitions: readonly Definition[];
  readonly byName: ReadonlyMap<string, readonly Definition[]>;
}

function readFunction(definition: Definition, node: SyntaxNode, file: FileContext): FoundFunction | string {
  const { text } = file;
  const name = definition.names[0]!;
  if (node.getChild('async')) return 'asynchronous';
  if (/^test_/.test(name)) return 'a test';
  const parameters = readParameters(node, text);
  if (parameters === undefined) return 'has keyword-only parameters without defaults';
  const needed = neededBy(definition, file);
  const imports = needed.flatMap((one) => one.imports);
  const local = imports.find((module) => module.startsWith('.') || module === '');
  if (local !== undefined) return 'imports a module of its project';
  const unsteady = imports.find((module) => UNSTEADY.has(module));
  if (unsteady !== undefined) return `depends on chance or the clock (${unsteady})`;
  const outside = imports.find((module) => OUTSIDE.has(module));
  if (outside !== undefined) return `reaches outside (${outside})`;
  const foreign = imports.find((module) => !STANDARD.has(module));
  if (foreign !== undefined)
    return isLocal(foreign, file) ? 'imports a module of its project' : `needs ${foreign}`;
  const source = writeProgram(needed, text);
  if (/\binput\s*\(/.test(source)) return 'reads standard input';
  if (/\bopen\s*\(|__file__/.test(source)) return 'reads files';
  if (hasError(node)) return 'not valid Python';
  const body = text.slice(node.from, node.to);
  if (parameters.length === 0 && !/\breturn\s+\S|\byield\b/.test(body))
    return 'takes nothing and returns nothing';
  return {
    name,
    path: file.path,
    line: text.slice(0, node.from).split('\n').length,
    source,
    body,
    parameters,
    usable: new Set(needed.flatMap((one) => one.names).filter((used) => used !== name)),
  };
}

/** The definition and what it needs, in the order of the file. */
function neededBy(definition: Definition, file: FileContext): Definition[] {
  const needed = new Set<Definition>();
  const pending = [definition];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (needed.has(next)) continue;
    needed.add(next);
    for (const name of next.uses) pending.push(...(file.byName.get(name) ?? []));
  }
  return file.definitions.filter((one) => needed.has(one) || one.imports.includes('__future__'));
}

function writeProgram(definitions: readonly Definition[], text: string): string {
  const parts = definitions.map(({ node, imports }) => {
    const part = withoutDoctests(node, text).trimEnd();
    return imports.length > 0 ? part : `\n${part}\n`;
  });
  return `${parts
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

/** The definition's text without docstrings that hold doctests. */
function withoutDoctests(node: SyntaxNode, text: string): string {
  const cuts: { from: number; to: number }[] = [];
  node.cursor().iterate((ref) => {
    if (ref.name !== 'Body') return;
    const first = ref.node.getChild('ExpressionStatement');
    let start = ref.node.firstChild?.nextSibling;
    while (start?.name === 'Comment') start = start.nextSibling;
    const isFirst = first && start?.from === first.from;
    if (!isFirst || first.firstChild?.name !== 'String' || !first.nextSibling) return;
    if (!text.slice(first.from, first.to).includes('>>>')) return;
    const lineStart = text.lastIndexOf('\n', first.from) + 1;
    const lineEnd = text.indexOf('\n', first.to);
    if (text.slice(lineStart, first.from).trim() === '' && lineEnd >= 0)
      cuts.push({ from: lineStart, to: lineEnd + 1 });
  });
  let out = '';
  let at = node.from;
  for (const { from, to } of cuts) {
    out += text.slice(at, from);
    at = to;
  }
  return out + text.slice(at, node.to);
}

function readDefinition(node: SyntaxNode, text: string): Definition | undefined {
  switch (node.name) {
    case 'FunctionDefinition':
    case 'ClassDefinition':
    case 'DecoratedStatement': {
      const inner = node.name === 'DecoratedStatement' ? node.lastChild : node;
      const name = inner?.getChild('VariableName');
      return name ? { node, names: [textOf(name, text)], uses: namesIn(node, text), imports: [] } : undefined;
    }
    case 'ImportStatement':
      return readImport(node, text);
    case 'AssignStatement':
    case 'UpdateStatement': {
      const names: string[] = [];
      for (let child = node.firstChild; child && child.name !== 'AssignOp'; child = child.nextSibling) {
        if (child.name === 'VariableName') names.push(textOf(child, text));
        else if (child.name === 'MemberExpression' && child.firstChild)
          names.push(textOf(child.firstChild, text));
        else if (child.name === 'UpdateOp') break;
        else if (child.name === 'TupleExpression') names.push(...namesIn(child, text));
      }
      return names.length > 0 ? { node, names, uses: namesIn(node, text), imports: [] } : undefined;
    }
    default:
      return undefined;
  }
}

function readImport(node: SyntaxNode, text: string): Definition | undefined {
  const code = textOf(node, text)
    .replace(/#.*$/gm, '')
    .replace(/[()\\\n]/g, ' ')
    .replace(/\s+/g, ' ');
  const from = /^from (\S+) import (.+)$/.exec(code.trim());
  const names: string[] = [];
  const imports: string[] = [];
  if (from) {
    imports.push(from[1]!.startsWith('.') ? '.' : from[1]!.split('.')[0]!);
    for (const part of from[2]!.split(',')) names.push(/(?:as )?(\w+)\s*$/.exec(part.trim())?.[1] ?? '');
  } else {
    for (const part of code.replace(/^\s*import /, '').split(',')) {
      const [, path = '', as] = /^([\w.]+)(?: as (\w+))?/.exec(part.trim()) ?? [];
      imports.push(path.split('.')[0]!);
      names.push(as ?? path.split('.')[0]!);
    }
  }
  return { node, names: names.filter((name) => name !== ''), uses: new Set(), imports };
}

/** Positional parameters; undefined when a keyword-only one has no default. */
function readParameters(node: SyntaxNode, text: string): Parameter[] | undefined {
  const list = node.getChild('ParamList');
  const out: { name: string; annotation: string | undefined; hasDefault: boolean }[] = [];
  let keywordOnly = false;
  let starred = false;
  for (let child = list?.firstChild ?? null; child; child = child.nextSibling) {
    if (child.name === '*' || child.name === '**') {
      keywordOnly ||= child.name === '*';
      starred = child.nextSibling?.name === 'VariableName';
    } else if (child.name === 'VariableName' && starred) starred = false;
    else if (child.name === 'VariableName' && !isDefault(child)) {
      let next = child.nextSibling;
      const annotation = next?.name === 'TypeDef' ? textOf(next, text).replace(/^\s*:\s*/, '') : undefined;
      if (next?.name === 'TypeDef') next = next.nextSibling;
      const hasDefault = next?.name === 'AssignOp';
      if (!keywordOnly) out.push({ name: textOf(child, text), annotation, hasDefault });
      else if (!hasDefault) return undefined;
    }
  }
  return out;
}

function isDefault(node: SyntaxNode): boolean {
  return node.prevSibling?.name === 'AssignOp';
}

function functionOf(node: SyntaxNode): SyntaxNode | undefined {
  if (node.name === 'FunctionDefinition') return node;
  return node.name === 'DecoratedStatement' && node.lastChild?.name === 'FunctionDefinition'
    ? node.lastChild
    : undefined;
}

function namesIn(node: SyntaxNode, text: string): Set<string> {
  const names = new Set<string>();
  node.cursor().iterate((ref) => {
    if (ref.name === 'VariableName') names.add(text.slice(ref.from, ref.to));
  });
  return names;
}

function hasError(node: SyntaxNode): boolean {
  let broken = false;
  node.cursor().iterate((ref) => {
    if (ref.type.isError) broken = true;
  });
  return broken;
}

function isLocal(module: string, { path }: PythonFile): boolean {
  return path.split('/').includes(module);
}

function textOf(node: SyntaxNode, text: string): string {
  return text.slice(node.from, node.to);
}
