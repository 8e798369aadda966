/**
 * HTML in which everything is escaped unless it is already `Html`. Problem statements, programs and completions are
 * other people's text, some of it hostile: there is no other way from a string into the page.
 *
 * Characters that act instead of being seen (controls, direction overrides) are shown as what they are, so that a
 * program looks on the page as it is, and not as it wants to.
 */

/** Markup that may go into the page as it is. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | undefined | false | readonly Part[];

/** A template whose interpolated strings are escaped; arrays are joined, `null`, `undefined` and `false` leave nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? '';
  parts.forEach((part, i) => {
    text += toMarkup(part) + (strings[i + 1] ?? '');
  });
  return new Html(text);
}

/** Markup made by a trusted renderer (our figures), taken as it is. */
export function trustedMarkup(text: string): Html {
  return new Html(text);
}

export function escapeHtml(text: string): string {
  return makeVisible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Replaces characters that act (C0 and C1 controls but tab and line feed, direction overrides, lone surrogates). */
export function makeVisible(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/\u007f/g, '\u2421')
    .replace(
      /[\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
      (c) => `\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`,
    )
    .replace(/[\ud800-\udfff]/gu, '\ufffd');
}

/** The text, or its beginning and how much was left out. */
export function shorten(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  return `${text.slice(0, maxCharacters)}\n… (${(text.length - maxCharacters).toLocaleString('en-US')} more characters)`;
}

function toMarkup(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(toMarkup).join('');
}
