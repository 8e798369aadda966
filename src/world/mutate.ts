/**
 * Small wrong turns in a program of the world: one token or line changed, as a tired programmer might. Mutants teach
 * the simulator to follow the code and not the intention. A mutant may behave like the original; running it tells.
 */
import type { Rng } from '../core/rng.js';

type Edit = (line: string, rng: Rng) => string;

const SWAPS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/ == /, [' != ']],
  [/ != /, [' == ']],
  [/ > /, [' >= ', ' < ']],
  [/ < /, [' <= ', ' > ']],
  [/ \+ /, [' - ', ' * ']],
  [/ - /, [' + ']],
  [/ \* /, [' + ']],
  [/ \/\/ /, [' % ']],
  [/ not in /, [' in ']],
  [/ in 'aeiou'/, [" not in 'aeiou'"]],
  [/r = v - r/, ['r = r - v']],
  [/r = r \+ c/, ['r = c + r']],
  [/r = c \+ r/, ['r = r + c']],
  [/\[v\] \+ r/, ['r + [v]']],
  [/append\(t\)/, ['append(v)']],
];

const swapOperator: Edit = (line, rng) => {
  const fitting = SWAPS.filter(([pattern]) => pattern.test(line));
  if (fitting.length === 0) return line;
  const [pattern, replacements] = rng.pick(fitting);
  return line.replace(pattern, () => rng.pick(replacements));
};

const nudgeNumber: Edit = (line, rng) => {
  if (/range\(|input\(/.test(line))
    return line.replace('range(1, n + 1)', rng.pick(['range(n)', 'range(1, n)']));
  const spots = [...line.matchAll(/\d+/g)];
  if (spots.length === 0) return line;
  const spot = rng.pick(spots);
  const value = Number(spot[0]);
  const nudged = value <= 1 ? value + rng.int(1, 2) : value + rng.pick([-1, 1, 2]);
  return line.slice(0, spot.index) + String(nudged) + line.slice(spot.index + spot[0].length);
};

/** Returns the mutated source, or `undefined` when the drawn change does not apply. */
export function mutateProgram(source: string, rng: Rng): string | undefined {
  const lines = source.trimEnd().split('\n');
  const kind = rng.pick(['operator', 'operator', 'number', 'number', 'swap', 'delete'] as const);
  const at = rng.int(0, lines.length - 1);
  switch (kind) {
    case 'operator':
    case 'number': {
      const edit = kind === 'operator' ? swapOperator : nudgeNumber;
      lines[at] = edit(lines[at]!, rng);
      break;
    }
    case 'swap': {
      const [here, next] = [lines[at]!, lines[at + 1]];
      if (next === undefined || !plain(here) || !plain(next) || indentOf(here) !== indentOf(next))
        return undefined;
      [lines[at], lines[at + 1]] = [next, here];
      break;
    }
    case 'delete': {
      const here = lines[at]!;
      const alone =
        indentOf(lines[at - 1] ?? '') < indentOf(here) && indentOf(lines[at + 1] ?? '') < indentOf(here);
      if (!plain(here) || alone || indentOf(here) === 0) return undefined;
      lines.splice(at, 1);
      break;
    }
    default:
      kind satisfies never;
  }
  const mutated = `${lines.join('\n')}\n`;
  return mutated === source ? undefined : mutated;
}

/** A line that neither opens a block nor reads or prints. */
function plain(line: string): boolean {
  return !/:$|input\(|print\(|return /.test(line);
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
