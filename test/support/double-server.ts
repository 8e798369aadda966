/**
 * A scripted model that is right at known rates, for the chat server: asked in the paper's style, it writes programs that are
 * right or wrong, and simulates them rightly or wrongly. Problems read one number `n` and want `n * f`, the factor `f`
 * standing in the statement. Every draw comes from the call's seed.
 */
import { createRng, type Rng } from '../../src/core/rng.js';
import type { Problem } from '../../src/problem/types.js';
import type { Asked } from './chat-server.js';

export interface Rates {
  /** Probability that a program is right. */
  readonly solve: number;
  /** Probability that a simulation gives the true output. */
  readonly simulate: number;
  /** Every program is written a little differently, so that none shares another's predictions. */
  readonly distinct?: true;
}

/** Wrong programs add `add` to the right answer: no test accepts them. */
export function timesProgram(factor: number, add = 0): string {
  return `n = int(input())\nprint(n * ${factor} + ${add})\n`;
}

export function timesProblem(index: number, tests = 2): Problem {
  const factor = 2 + (index % 7);
  const test = (n: number): { input: string; output: string } => ({
    input: `${n}\n`,
    output: `${n * factor}\n`,
  });
  return {
    id: `times-${index}`,
    statement: `Problem ${index}: read n and print n times ${factor}.`,
    publicTests: Array.from({ length: tests }, (_, at) => test(at + 3)),
    privateTests: [test(100)],
  };
}

/** Answers solve, simulate and review prompts of the paper style, and writes inputs when asked for some. */
export function answerAsModel({ solve, simulate, distinct }: Rates): (asked: Asked) => string {
  return ({ messages, seed }) => {
    const prompt = messages.at(-1)!.content;
    const rng = createRng(`model/${seed}/${prompt.length}`);
    if (prompt.startsWith('Execute this Python program')) return simulateProgram(prompt, simulate, rng);
    if (prompt.startsWith('Here is a programming problem. Write')) {
      return [11, 12, 13].map((n) => `\`\`\`\n${n}\n\`\`\``).join('\n');
    }
    const factor = Number(/n times (\d+)/.exec(prompt)?.[1]);
    if (prompt.startsWith('Here are a problem, a program')) {
      if (!prompt.includes(': failed')) return 'It passes.\n```\n#SUBMIT\n```';
    }
    return writeProgram(factor, solve, rng, distinct ? `# ${seed}\n` : '');
  };
}

function writeProgram(factor: number, rate: number, rng: Rng, comment: string): string {
  const add = rng.chance(rate) ? 0 : rng.int(1, 50);
  return `I multiply.\n\`\`\`python\n${comment}${timesProgram(factor, add)}\`\`\``;
}

/** A wrong simulation of a wrong program is wishful: it gives what the test expects. */
function simulateProgram(prompt: string, rate: number, rng: Rng): string {
  const [, factor, add] = /n \* (\d+) \+ (\d+)/.exec(prompt) ?? [];
  const n = Number(/Standard input:\n`+\n(\d+)/.exec(prompt)?.[1]);
  const truth = n * Number(factor) + Number(add);
  const wished = Number(add) === 0 ? truth + 1 : n * Number(factor);
  return `n is ${n}.\n<output>${rng.chance(rate) ? truth : wished}\\n</output>`;
}
