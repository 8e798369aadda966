/**
 * `rollouts.jsonl`: every group that RL counted, with its prompts and completions as text, to be read by `deskcheck show`.
 */
import type { JsonLinesWriter } from '../core/json-lines.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../core/json-lines.js';
import type { ChatRenderer } from '../model/renderer.js';
import type { CountedGroup } from '../training/rl/options.js';

export interface RolloutRow {
  readonly step: number;
  /** Ordinal of the prompt, which names the group for good. */
  readonly ordinal: number;
  readonly task: string;
  readonly kind: CountedGroup['kind'];
  /** Policy steps between sampling and training. */
  readonly staleness?: number;
  /** Why an abandoned group could not be scored. */
  readonly reason?: string;
  readonly rollouts: readonly {
    readonly reward: number;
    readonly advantage: number;
    /** How the episode ended. */
    readonly ending: string;
    readonly turns: readonly {
      readonly purpose: string;
      readonly prompt: string;
      readonly completion: string;
      readonly tokens: number;
    }[];
  }[];
}

/** Opens the log for a stage that goes on after `steps` steps; rows of later steps are dropped. */
export async function openRolloutLog(file: string, steps: number): Promise<JsonLinesWriter> {
  const rows = await readRollouts(file);
  const kept = rows.filter((row) => row.step <= steps);
  if (kept.length < rows.length) await writeJsonLines(file, kept);
  return appendJsonLines(file);
}

export async function readRollouts(file: string): Promise<RolloutRow[]> {
  return (await readJsonLines(file)) as RolloutRow[];
}

export function rolloutRow(counted: CountedGroup, step: number, renderer: ChatRenderer): RolloutRow {
  if (counted.kind === 'abandoned') {
    const { ordinal, task } = counted.prompt;
    return { step, ordinal, task, kind: counted.kind, reason: counted.reason, rollouts: [] };
  }
  const { group, staleness, kind } = counted;
  const { ordinal, task } = group.prompt;
  const rollouts = group.rollouts.map(({ rawReward, ending, turns }, at) => ({
    reward: rawReward,
    advantage: group.advantages[at]!,
    ending,
    turns: turns.map(({ purpose, promptTokens, tokens }) => ({
      purpose,
      prompt: renderer.decode(promptTokens),
      completion: renderer.decode(tokens),
      tokens: tokens.length,
    })),
  }));
  return { step, ordinal, task, kind, staleness, rollouts };
}
