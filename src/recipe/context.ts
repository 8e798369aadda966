/**
 * What every stage of a recipe is given.
 */
import type { Clock } from '../core/clock.js';
import type { Progress } from '../core/progress.js';
import type { PromptStyle } from '../episode/prompt-style.js';
import type { Sandbox } from '../execution/types.js';
import type { ChatTokenizer } from '../model/tokenizer.js';
import type { RunFolder } from './run-folder.js';
import type { Recipe } from './schema.js';

export interface StageContext {
  readonly recipe: Recipe;
  readonly folder: RunFolder;
  /** Where the problems and examples are: in this run's folder, or in that of the run whose data it uses. */
  readonly dataFolder: string;
  /** The checkpoint that RL begins with, and that is evaluated before it. */
  readonly start: string;
  /** The checkpoint of another run that simulates programs in the evaluation, where there is one. */
  readonly verifier?: string;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly style: PromptStyle;
  readonly tokenizer: ChatTokenizer;
  /** For programs that a model wrote. Started on first use. */
  sandbox(): Sandbox;
  /** For programs that we wrote ourselves: no isolation between one and the next. Started on first use. */
  trustedSandbox(): Sandbox;
  readonly signal: AbortSignal;
}

/** One stage: resumable, and harmless to run again when it was killed. */
export interface Stage {
  readonly name: string;
  readonly title: string;
  run(context: StageContext): Promise<void>;
}

/** Token limits of the small world's turns. */
export const MAX_TOKENS = { solve: 96, simulate: 200, review: 96 } as const;
