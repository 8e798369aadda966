/**
 * RL that is killed outright, ten times at random moments, with the embedded engine in a process of its own: it ends with every
 * group counted once and no prompt lost (NVIDIA-NeMo/RL#3599 is what happens otherwise).
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.js';
import { readRollouts } from '../../src/recipe/rollout-log.js';
import type { RlState } from '../../src/training/rl/options.js';

const CHILD = resolve(import.meta.dirname, '../support/rl-child.mjs');
const STEPS = 40;
const KILLS = 10;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-kills-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly output: string;
}

/** Runs the process; kills it so many milliseconds after its so-manieth line. */
function train(rollouts: string, kill?: { readonly line: number; readonly afterMs: number }): Promise<Ended> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [CHILD, folder, rollouts, String(STEPS)]);
    let output = '';
    let armed = kill !== undefined;
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      if (!armed || !kill || output.split('\n').length <= kill.line) return;
      armed = false;
      setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    child.on('close', (code, signal) => done({ code, signal, output }));
  });
}

test.each(['synchronous', 'asynchronous'])(
  'killed ten times at random moments, %s RL ends with every group counted once',
  async (rollouts) => {
    const rng = createRng(`kills/${rollouts}`);
    const moments: string[] = [];
    for (let kills = 0; kills < KILLS; kills++) {
      const { signal, output } = await train(rollouts, { line: rng.int(1, 14), afterMs: rng.int(0, 4) });
      expect(signal).toBe('SIGKILL');
      moments.push(output.trimEnd().split('\n').at(-1)!.split(' ')[0]!);
    }
    expect(new Set(moments).size).toBeGreaterThan(1);
    const ended = await train(rollouts);
    expect(ended.output).toMatch(new RegExp(`finished ${STEPS}\n$`));
    expect(ended.code).toBe(0);

    const rows = await readRollouts(join(folder, 'rollouts.jsonl'));
    const { state } = JSON.parse(await readFile(join(folder, 'steps', 'latest.json'), 'utf8')) as {
      readonly state: RlState;
    };
    expect(new Set(rows.map(({ step }) => step))).toEqual(
      new Set(Array.from({ length: STEPS }, (_, i) => i + 1)),
    );
    const counted = rows.map(({ ordinal }) => ordinal);
    expect(new Set(counted).size).toBe(counted.length);
    const unfinished = state.prompts.unfinished.map(({ ordinal }) => ordinal);
    expect([...counted, ...unfinished].sort((a, b) => a - b)).toEqual(
      Array.from({ length: state.prompts.nextOrdinal }, (_, i) => i),
    );
  },
  240_000,
);
