/**
 * Types of parameters, from annotations or from how they are used, and literals of a type: boundary values, drawn
 * values, and mutations of values that worked.
 */
import { type PythonValue, safeParsePythonLiteral } from '../../core/python-literal.js';
import type { Rng } from '../../core/rng.js';
import type { Parameter } from './find-functions.js';

export type PythonType =
  | { readonly kind: 'int' | 'float' | 'str' | 'bool' | 'none' | 'digits' | 'bits' }
  | { readonly kind: 'list' | 'set' | 'tuple'; readonly item: PythonType }
  | { readonly kind: 'pair'; readonly items: readonly PythonType[] }
  | { readonly kind: 'dict'; readonly key: PythonType; readonly value: PythonType };

const INT: PythonType = { kind: 'int' };
const STR: PythonType = { kind: 'str' };

/** The type of a parameter; undefined for one that only an object can fill. */
export function typeOfParameter(parameter: Parameter, body: string): PythonType | undefined {
  const annotated = parameter.annotation === undefined ? undefined : readAnnotation(parameter.annotation);
  if (annotated !== undefined) return annotated === 'any' ? typeByUse(parameter.name, body) : annotated;
  return parameter.annotation === undefined ? typeByUse(parameter.name, body) : undefined;
}

function readAnnotation(text: string): PythonType | 'any' | undefined {
  const clean = text.trim().replace(/^['"]|['"]$/g, '');
  const parts = splitTop(clean, '|').map((part) => part.trim());
  if (parts.length > 1) {
    for (const part of parts) {
      const type = readAnnotation(part);
      if (type !== undefined && type !== 'any' && type.kind !== 'none') return type;
    }
    return undefined;
  }
  const [, name = '', , inner] = /^([\w.]+)(\[(.*)\])?$/s.exec(clean) ?? [];
  const args = inner === undefined ? [] : splitTop(inner, ',').map((part) => part.trim());
  const itemOf = (at: number): PythonType => {
    const type = args[at] === undefined ? INT : readAnnotation(args[at]!);
    return type === undefined || type === 'any' ? INT : type;
  };
  switch (name.split('.').at(-1)) {
    case 'int':
      return INT;
    case 'float':
    case 'complex':
      return { kind: 'float' };
    case 'str':
      return STR;
    case 'bool':
      return { kind: 'bool' };
    case 'None':
      return { kind: 'none' };
    case 'list':
    case 'List':
    case 'Sequence':
    case 'MutableSequence':
    case 'Iterable':
    case 'Collection':
      return { kind: 'list', item: itemOf(0) };
    case 'set':
    case 'Set':
      return { kind: 'set', item: itemOf(0) };
    case 'tuple':
    case 'Tuple':
      return args.length > 1 && args[1] !== '...'
        ? { kind: 'pair', items: args.map((_, at) => itemOf(at)) }
        : { kind: 'tuple', item: itemOf(0) };
    case 'dict':
    case 'Dict':
    case 'Mapping':
      return {
        kind: 'dict',
        key: args[0] === undefined ? STR : itemOf(0),
        value: args[1] === undefined ? INT : itemOf(1),
      };
    case 'Optional':
      return itemOf(0);
    case 'Union':
      return readAnnotation(args.join('|'));
    case 'Any':
    case 'T':
    case 'object':
      return 'any';
    default:
      return undefined;
  }
}

const STRING_METHODS =
  /\.(split|strip|lower|upper|replace|startswith|endswith|isdigit|isalpha|join|find|isupper|islower|encode|title|swapcase|casefold|zfill)\b/;

function typeByUse(name: string, body: string): PythonType {
  const uses = (pattern: string): boolean => new RegExp(pattern.replaceAll('@', `\\b${name}`)).test(body);
  if (new RegExp(`\\b${name}${STRING_METHODS.source}`).test(body) || uses('ord\\(@')) return STR;
  if (uses('@\\[\\w+\\]\\[') || uses('len\\(@\\[0\\]\\)'))
    return { kind: 'list', item: { kind: 'list', item: INT } };
  if (uses('@\\.(items|keys|values|get)\\b')) return { kind: 'dict', key: STR, value: INT };
  if (uses('@\\.(append|sort|pop|insert|extend|remove|reverse)\\b')) return { kind: 'list', item: INT };
  if (uses('range\\(@\\b') || uses('@ (%|//|\\*|-|\\*\\*|&|>>) ') || uses('(%|//|\\*|-|<|>|<=|>=) @\\b'))
    return INT;
  if (/^(s|st|str\w*|text|word|string|sentence|char|pattern|message|key|name|line)\d*$/.test(name))
    return STR;
  if (uses('len\\(@\\)') || uses('in @\\b') || uses('@\\[') || uses('(sum|sorted|max|min|list|set)\\(@\\)'))
    return { kind: 'list', item: INT };
  if (/^(arr|array|nums|numbers|list|lst|items|values|data|collection|sequence|xs|a_list)\w*$/.test(name))
    return { kind: 'list', item: INT };
  return INT;
}

function splitTop(text: string, separator: string): string[] {
  const out: string[] = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '[' || char === '(') depth++;
    if (char === ']' || char === ')') depth--;
    if (char === separator && depth === 0) out.push('');
    else out[out.length - 1] += char;
  }
  return out;
}

/** Small and edge values of a type, most telling first. */
export function boundaryValues(type: PythonType): string[] {
  switch (type.kind) {
    case 'int':
      return ['0', '1', '2', '7', '-1', '10', '100'];
    case 'float':
      return ['0.0', '1.5', '-2.5', '10.0', '3'];
    case 'str':
      return ["''", "'a'", "'abcba'", "'Hello World'", "'12'"];
    case 'digits':
      return ["'0'", "'42'"];
    case 'bits':
      return ["'0'", "'1101'"];
    case 'bool':
      return ['True', 'False'];
    case 'none':
      return ['None'];
    case 'list':
      return sequences(type.item, '[', ']');
    case 'tuple':
      return sequences(type.item, '(', ')').map((text) =>
        text.includes(', ') || text === '()' ? text : text.replace(/\)$/, ',)'),
      );
    case 'set':
      return ['set()', ...sequences(type.item, '{', '}').slice(1)];
    case 'pair':
      return [0, 1].map((at) =>
        `(${type.items.map((item) => pickAt(boundaryValues(item), at + 1)).join(', ')},)`.replace(
          /(, .*),\)$/,
          '$1)',
        ),
      );
    case 'dict':
      return ['{}', `{${pickAt(boundaryValues(type.key), 1)}: ${pickAt(boundaryValues(type.value), 1)}}`];
    default:
      return type satisfies never;
  }
}

function sequences(item: PythonType, open: string, close: string): string[] {
  const values = boundaryValues(item);
  const wrap = (items: readonly string[]): string => `${open}${items.join(', ')}${close}`;
  return [[], values.slice(1, 2), [3, 1, 2].map((at) => pickAt(values, at)), values.slice(0, 5)].map(wrap);
}

function pickAt(values: readonly string[], at: number): string {
  return values[at % values.length]!;
}

const WORDS = [
  'apple',
  'Banana',
  'kiwi',
  'level',
  'stats',
  'x1y2',
  'a b c',
  'Python',
  'zzz',
  'noon',
  'Cat',
  'tree',
];

/** A value of the type. */
export function drawValue(type: PythonType, rng: Rng, depth = 0): string {
  const many = (item: PythonType): string[] =>
    Array.from({ length: rng.int(depth === 0 ? 2 : 1, depth === 0 ? 6 : 4) }, () =>
      drawValue(item, rng, depth + 1),
    );
  switch (type.kind) {
    case 'int':
      return String(depth > 0 ? rng.int(-9, 20) : rng.chance(0.8) ? rng.int(1, 15) : rng.int(16, 200));
    case 'float':
      return (rng.int(-20, 100) / 4).toFixed(rng.chance(0.5) ? 1 : 2);
    case 'str':
      return `'${rng.chance(0.6) ? rng.pick(WORDS) : Array.from({ length: rng.int(2, 7) }, () => rng.pick([...'abcde'])).join('')}'`;
    case 'digits':
      return `'${rng.int(0, 999)}'`;
    case 'bits':
      return `'${rng.int(1, 63).toString(2)}'`;
    case 'bool':
      return rng.chance(0.5) ? 'True' : 'False';
    case 'none':
      return 'None';
    case 'list':
      return `[${many(type.item).join(', ')}]`;
    case 'tuple':
      return `(${many(type.item).join(', ')},)`;
    case 'set':
      return `{${[...new Set(many(type.item))].join(', ')}}`;
    case 'pair':
      return `(${type.items.map((item) => drawValue(item, rng, depth + 1)).join(', ')},)`;
    case 'dict': {
      const keys = [...new Set(many(type.key))];
      return `{${keys.map((key) => `${key}: ${drawValue(type.value, rng, depth + 1)}`).join(', ')}}`;
    }
    default:
      return type satisfies never;
  }
}

/** A literal like this one, changed a little; undefined for what is no literal. */
export function mutateLiteral(text: string, rng: Rng): string | undefined {
  const value = safeParsePythonLiteral(text);
  return value === undefined ? undefined : mutate(value, rng);
}

function mutate(value: PythonValue, rng: Rng): string | undefined {
  switch (value.kind) {
    case 'int': {
      const changes = [
        value.value + 1n,
        value.value - 1n,
        value.value * 2n,
        value.value / 2n,
        value.value + 5n,
        -value.value,
      ];
      return String(rng.pick(changes));
    }
    case 'float':
      return writeLiteral({ kind: 'float', value: value.value * rng.pick([2, 0.5, -1]) + rng.int(0, 1) });
    case 'bool':
      return value.value ? 'False' : 'True';
    case 'str': {
      const letters = [...value.value];
      if (letters.length === 0) return "'b'";
      const at = rng.int(0, letters.length - 1);
      const how = rng.int(0, 3);
      if (how === 0) letters.splice(at, 1);
      else if (how === 1) letters.splice(at, 0, letters[at]!);
      else if (how === 2) letters.reverse();
      else letters[at] = rng.pick([...'aZ5 e']);
      return writeLiteral({ kind: 'str', value: letters.join('') });
    }
    case 'list':
    case 'tuple': {
      const items = [...value.items];
      if (items.length === 0) return undefined;
      const at = rng.int(0, items.length - 1);
      const how = rng.int(0, 3);
      if (how === 0) items.splice(at, 1);
      else if (how === 1) items.splice(at, 0, items[at]!);
      else if (how === 2) items.reverse();
      else {
        const changed = mutate(items[at]!, rng);
        const read = changed === undefined ? undefined : safeParsePythonLiteral(changed);
        if (read === undefined) return undefined;
        items[at] = read;
      }
      return writeLiteral({ kind: value.kind, items });
    }
    default:
      return undefined;
  }
}

/** Writes a literal as `repr` does for the kinds that are mutated; undefined for others. */
export function writeLiteral(value: PythonValue): string | undefined {
  switch (value.kind) {
    case 'none':
      return 'None';
    case 'bool':
      return value.value ? 'True' : 'False';
    case 'int':
      return String(value.value);
    case 'float':
      if (!Number.isFinite(value.value)) return undefined;
      return /[.e]/.test(String(value.value)) ? String(value.value) : `${value.value}.0`;
    case 'str': {
      const escaped = value.value
        .replace(/[\\']/g, '\\$&')
        .replace(/\n/g, '\\n')
        .replace(/\t/g, '\\t')
        .replace(/\r/g, '\\r');
      return `'${escaped}'`;
    }
    case 'list':
    case 'tuple': {
      const items = value.items.map(writeLiteral);
      if (items.some((item) => item === undefined)) return undefined;
      if (value.kind === 'list') return `[${items.join(', ')}]`;
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    case 'set': {
      const items = value.items.map(writeLiteral);
      return items.length === 0 || items.some((item) => item === undefined)
        ? undefined
        : `{${items.join(', ')}}`;
    }
    case 'dict': {
      const entries = value.entries.map(([key, item]) => [writeLiteral(key), writeLiteral(item)] as const);
      if (entries.some(([key, item]) => key === undefined || item === undefined)) return undefined;
      return `{${entries.map(([key, item]) => `${key}: ${item}`).join(', ')}}`;
    }
    default:
      return undefined;
  }
}
