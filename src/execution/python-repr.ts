/**
 * Python's `repr` of numbers and strings. Sources: CPython's `float_repr_style` "short" and `unicode_repr`.
 */
import type { Characters } from './marshal.js';

/** Characters beyond ASCII that this Python's `repr` escapes, besides surrogates. */
export type Unprintable = ReadonlySet<string>;

const NONE: Unprintable = new Set();

const SMALL_INTS = Array.from({ length: 1280 }, (_, i) => String(i - 256));

/** `repr` of an integer of 32 bits. */
export function intText(value: number): string {
  return value >= -256 && value < 1024 ? (SMALL_INTS[value + 256] as string) : String(value);
}

/** `repr` of a float: the shortest digits that read back as it, with an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    const [digits, exponent] = value.toExponential().split('e') as [string, string];
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  if (Number.isInteger(value)) return Object.is(value, -0) ? '-0.0' : `${value}.0`;
  return String(value);
}

/** `repr` of a complex number. */
export function complexText(real: number, imaginary: number): string {
  const part = (value: number) => floatText(value).replace(/\.0$/, '');
  if (Object.is(real, 0)) return `${part(imaginary)}j`;
  const text = part(imaginary);
  return `(${part(real)}${text.startsWith('-') ? '' : '+'}${text}j)`;
}

const PLAIN = /^[ !#-&(-[\]-~]*$/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `repr` of a string. */
export function stringText(value: Characters, unprintable: Unprintable = NONE): string {
  if (typeof value === 'string' && PLAIN.test(value)) return `'${value}'`;
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let body = '';
  for (const character of value) {
    const code = character.codePointAt(0) as number;
    if (character === quote) body += `\\${quote}`;
    else if (ESCAPES[character] !== undefined) body += ESCAPES[character];
    else if (
      code < 0x20 ||
      code === 0x7f ||
      isSurrogate(code) ||
      (code > 0x7f && unprintable.has(character))
    ) {
      if (code <= 0xff) body += `\\x${code.toString(16).padStart(2, '0')}`;
      else if (code <= 0xffff) body += `\\u${code.toString(16).padStart(4, '0')}`;
      else body += `\\U${code.toString(16).padStart(8, '0')}`;
    } else body += character;
  }
  return `${quote}${body}${quote}`;
}

function isSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdfff;
}
