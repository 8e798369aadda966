/**
 * Saying less of an execution than was told: what SFT learns of it, for comparisons of how much narration helps
 * (paper table 1 and figure 3: with and without NLEX). Written answers of the terse style go in and come out; the
 * output stays as it is.
 */
import type { ChatExample } from './examples.js';

/**
 * - `steps`: as it was told, each step with its working, `r = 12 + 24 = 36`.
 * - `results`: each step by its result alone, `r = 36`.
 * - `final`: the last value of each variable, and nothing of the way there.
 * - `none`: the output at once.
 */
export const NARRATIONS = ['steps', 'results', 'final', 'none'] as const;
export type Narration = (typeof NARRATIONS)[number];

/** The example with so much narration; examples that are no executions stay as they are. */
export function retell(example: ChatExample, narration: Narration): ChatExample {
  if (narration === 'steps' || example.metadata.task !== 'execution') return example;
  const answer = example.messages.at(-1);
  if (answer === undefined) return example;
  const content = retellAnswer(answer.content, narration);
  return {
    messages: [...example.messages.slice(0, -1), { ...answer, content }],
    metadata: { ...example.metadata, narrator: narration },
  };
}

/** The explanation is what precedes `<output>`, or stands between `[THOUGHT]` and its end. */
function retellAnswer(answer: string, narration: Exclude<Narration, 'steps'>): string {
  const [, opening, told, ending] =
    /^(\[THOUGHT\]\n)?([\s\S]*?)(\[\/THOUGHT\][\s\S]*|<output>[\s\S]*)$/.exec(answer) ?? [];
  if (told === undefined) return answer;
  const short = shorten(told.trimEnd(), narration);
  return `${opening ?? ''}${short === '' ? '' : `${short}\n`}${ending}`;
}

function shorten(told: string, narration: Exclude<Narration, 'steps'>): string {
  switch (narration) {
    case 'none':
      return '';
    case 'results':
      return told
        .split('\n')
        .map((line) => stepsOf(line).map(resultOf).join('; '))
        .join('\n');
    case 'final':
      return finalValues(told);
    default:
      return narration satisfies never;
  }
}

/** A line of a loop's round is `#3 v = 8; …`; the number stays with its first step. */
function stepsOf(line: string): string[] {
  return line.split('; ');
}

/** `#1 v = 8 * 3 = 24` → `#1 v = 24`; `8 % 2 = 0 == 0 yes` → `yes`. */
function resultOf(step: string): string {
  const verdict = / (yes|no)$/.exec(step)?.[1];
  if (verdict !== undefined) return verdict;
  const parts = step.split(' = ');
  return parts.length > 2 ? `${parts[0]} = ${parts.at(-1)}` : step;
}

/** `t = 4`, `r = 36`, in the order of the first assignments; items of a list are told as one value. */
function finalValues(told: string): string {
  const last = new Map<string, string>();
  for (const step of told.split('\n').flatMap(stepsOf)) {
    const [, target, value] =
      /^(?:#\d+ )?([a-z]\w*(?:\[\d+\])?) = (?:[\s\S]* = )?([\s\S]*)$/.exec(step) ?? [];
    if (target !== undefined && value !== undefined && !/ (yes|no)$/.test(step)) last.set(target, value);
  }
  return [...last].map(([target, value]) => `${target} = ${value}`).join('; ');
}
