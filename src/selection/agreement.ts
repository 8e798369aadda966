/**
 * Generated tests as further targets of verification (ours, beyond the paper): programs that tie on the public tests are
 * simulated on inputs that the model writes; for each input the output that most of them are predicted to print is taken as
 * agreed, and the program that agrees most often is chosen. Public tests are never overruled: only ties are decided so.
 *
 * Each sample has a vote, so a program that was written three times counts three times. Outputs are grouped by their text,
 * blanks at the end aside; an input on which no output leads is without an agreement.
 */
import { ask, createTurnMaker } from '../episode/ask.js';
import { predictOutput } from '../episode/environments/predict-output.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import { fencedBlocks, withoutThinking } from '../episode/prompts/answers.js';
import type { Episode, Played } from '../episode/types.js';
import type { Program } from '../problem/types.js';

export interface AgreementSpec {
  readonly problem: { readonly statement: string };
  /** With one entry per sample, so that equal programs have a vote each. */
  readonly programs: readonly Program[];
  /** How many inputs to ask for. */
  readonly inputs: number;
  readonly style: PromptStyle;
  readonly maxTokens: { readonly inputs: number; readonly simulate: number };
  readonly seed: number | string;
}

export interface Agreement {
  readonly inputs: readonly string[];
  /** [input] the agreed output; `undefined` where there is none. */
  readonly agreed: readonly (string | undefined)[];
  /** [program] on how many inputs it is predicted to print what is agreed. */
  readonly points: readonly number[];
  readonly predictions: number;
}

/** Plays an episode: `play` with everything else filled in. */
export type PlayAny = <Outcome>(episode: Episode<Outcome>) => Promise<Played<Outcome>>;

export async function findAgreement(
  spec: AgreementSpec,
  writer: PlayAny,
  verifier: PlayAny,
): Promise<Agreement> {
  const inputs = await writtenInputs(spec, writer);
  const sources = [...new Set(spec.programs.map(({ source }) => source))];
  // [source][input]
  const outputs = await Promise.all(
    sources.map((source) =>
      Promise.all(
        inputs.map(async (stdin) => {
          const played = await verifier(
            predictOutput({
              kind: 'predict-output',
              program: { source },
              input: { kind: 'stdin', stdin },
              style: spec.style,
              maxTokens: spec.maxTokens.simulate,
              seed: `${spec.seed}/generated/${stdin}/${source}`,
            }),
          );
          return played.kind === 'finished' && played.outcome.kind === 'predicted'
            ? played.outcome.output.trimEnd()
            : undefined;
        }),
      ),
    ),
  );
  const outputOf = (program: Program, input: number): string | undefined =>
    outputs[sources.indexOf(program.source)]![input];
  const agreed = inputs.map((_, input) => leader(spec.programs.map((program) => outputOf(program, input))));
  const points = spec.programs.map(
    (program) =>
      agreed.filter((output, input) => output !== undefined && outputOf(program, input) === output).length,
  );
  return { inputs, agreed, points, predictions: sources.length * inputs.length };
}

/** What occurs more often than anything else; at least twice. */
export function leader(outputs: readonly (string | undefined)[]): string | undefined {
  const counts = new Map<string, number>();
  for (const output of outputs) if (output !== undefined) counts.set(output, (counts.get(output) ?? 0) + 1);
  const [first, second] = [...counts].sort(([, a], [, b]) => b - a);
  return first === undefined || first[1] < 2 || first[1] === second?.[1] ? undefined : first[0];
}

/** Every fenced block of the answer is an input. None when the answer could not be had or holds none. */
async function writtenInputs(spec: AgreementSpec, writer: PlayAny): Promise<string[]> {
  const played = await writer(writeInputs(spec));
  const text = played.kind === 'finished' ? withoutThinking(played.outcome) : undefined;
  const blocks = fencedBlocks(text ?? '');
  return [...new Set(blocks.filter((block) => block.trim() !== ''))].slice(0, spec.inputs);
}

function* writeInputs({ problem, inputs, maxTokens, seed }: AgreementSpec): Episode<string> {
  const turn = createTurnMaker(`${seed}/inputs`);
  const content = [
    `Here is a programming problem. Write ${inputs} further inputs to test programs with, in the format that it describes:`,
    'different from each other and from its examples, valid, with special cases among them, and small enough to work a',
    'program through by hand. Put each input in a ``` block of its own, and nothing else into blocks.',
    '',
    problem.statement,
  ].join('\n');
  const messages = [{ role: 'user', content }] as const;
  const { text } = yield* ask(
    turn({ purpose: 'solve', messages, maxTokens: maxTokens.inputs, trained: false }),
  );
  return text;
}
