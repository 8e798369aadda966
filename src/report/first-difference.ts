/**
 * Where two outputs part: the first line that differs, and in it the first character.
 */

export interface FirstDifference {
  /** From 0; may be one past the end of the shorter text. */
  readonly line: number;
  /** From 0, in UTF-16 units of that line. */
  readonly column: number;
}

/** `null` when the texts are equal but for line breaks at their end. */
export function firstDifference(a: string, b: string): FirstDifference | null {
  const left = linesOf(a);
  const right = linesOf(b);
  for (let line = 0; line < Math.max(left.length, right.length); line++) {
    const [mine, other] = [left[line], right[line]];
    if (mine === other) continue;
    if (mine === undefined || other === undefined) return { line, column: 0 };
    let column = 0;
    while (column < mine.length && mine[column] === other[column]) column++;
    return { line, column };
  }
  return null;
}

export function linesOf(text: string): string[] {
  return text.replace(/\r\n/g, '\n').replace(/\n+$/, '').split('\n');
}
