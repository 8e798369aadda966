/**
 * The rows of the factory: chat messages (as TRL, Axolotl, LLaMA-Factory and Tinker read them) with their provenance.
 */
import { hashJson } from '../../core/canonical-json.js';
import type { ChatExample, ExampleStyle } from '../../nlex/examples.js';
import type { Explained } from '../../nlex/narrator.js';
import type { ProgramInput } from '../../problem/types.js';
import { binOf, type Counts } from './counts.js';
import { type Columns, MESSAGES } from './parquet.js';

/** One SFT row. */
export interface FactoryRow {
  readonly messages: ChatExample['messages'];
  readonly metadata: {
    /** Hash of program and input. */
    readonly id: string;
    readonly task: 'execution';
    readonly form: 'call' | 'stdin';
    /** Where the program comes from: a file and line, or a problem. */
    readonly source: string;
    readonly function: string | null;
    readonly licence: string;
    /** How the input was found. */
    readonly input: string;
    readonly narrator: string;
    readonly groundingScore: number;
    readonly claims: number;
    readonly events: number;
  };
}

/** The same as columns. */
export const FACTORY_COLUMNS: Columns = {
  messages: MESSAGES,
  metadata:
    'STRUCT("id" VARCHAR, "task" VARCHAR, "form" VARCHAR, "source" VARCHAR, "function" VARCHAR, "licence" VARCHAR, ' +
    '"input" VARCHAR, "narrator" VARCHAR, "groundingScore" DOUBLE, "claims" INTEGER, "events" INTEGER)',
};

/** An execution that was explained, and how it is put to a model. */
export interface ExecutionRow {
  readonly source: string;
  readonly input: ProgramInput;
  /** What is printed, or the result as a Python literal. */
  readonly output: string;
  readonly explained: Explained;
  readonly events: number;
  readonly from: string;
  readonly function?: string;
  readonly origin: string;
}

/** The id of a program and its input: 96 bits, so that equal ids mean equal executions. */
export function executionId(source: string, input: ProgramInput): string {
  return hashJson([source, input.kind === 'call' ? input.expression : input.stdin]).slice(0, 24);
}

export function toRow(row: ExecutionRow, id: string, style: ExampleStyle, licence: string): FactoryRow {
  const { source, input, output, explained, events } = row;
  const { explanation, narrator, grounding } = explained;
  return {
    messages: [
      ...style.predictOutput({ source }, input),
      { role: 'assistant', content: style.writeOutput(explanation, output, input) },
    ],
    metadata: {
      id,
      task: 'execution',
      form: input.kind,
      source: row.from,
      function: row.function ?? null,
      licence,
      input: row.origin,
      narrator,
      groundingScore: grounding.score,
      claims: grounding.claims,
      events,
    },
  };
}

/** What the data card shows of a row. */
export function countFactoryRow({ messages, metadata }: FactoryRow): Counts {
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  return {
    characters,
    origins: { [metadata.input]: 1 },
    forms: { [metadata.form]: 1 },
    narrators: { [metadata.narrator]: 1 },
    scores: { [metadata.groundingScore === 1 ? '1' : metadata.groundingScore.toFixed(2)]: 1 },
    events: { [binOf(metadata.events)]: 1 },
    answerCharacters: { [binOf(messages.at(-1)!.content.length)]: 1 },
    claims: { [binOf(metadata.claims)]: 1 },
  };
}
