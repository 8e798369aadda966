/** Explanations made wrong: grounding has to notice. */
import type { Rng } from '../../src/core/rng.js';

/** One number, one string or one verdict changed, outside quoted code; undefined when there is none. */
export function spoil(text: string, rng: Rng): { readonly text: string; readonly at: number } | undefined {
  const blanked = text.replace(/`[^`\n]*`/g, (quoted) => '`'.repeat(quoted.length));
  const pattern =
    /(?<![\w.'"])-?\d+(?![\w.'"])|\b(?:true|false)\b|(?<=(?:= |is |becomes |returns ))'[^'"\\\n]+'/g;
  const spots = [...blanked.matchAll(pattern)];
  if (spots.length === 0) return undefined;
  const { 0: old, index } = rng.pick(spots);
  const at = index;
  const put = (now: string) => ({ text: text.slice(0, at) + now + text.slice(at + old.length), at });
  if (old === 'true' || old === 'false') return put(old === 'true' ? 'false' : 'true');
  if (!old.startsWith("'")) return put(String(Number(old) + rng.pick([-1, 1, 2, 10])));
  const letter = rng.int(1, old.length - 2);
  return put(`${old.slice(0, letter)}${old[letter] === 'q' ? 'z' : 'q'}${old.slice(letter + 1)}`);
}
