/**
 * A *findings set*: one question asked of several arms, each trained from several seeds. An arm is a difference from a
 * base recipe, or from the arm whose checkpoint it starts from; so every (arm, seed) is an ordinary recipe, and its run an
 * ordinary run. YAML on disk; unknown keys are errors.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { messageOf, UsageError } from '../../core/errors.js';
import { ARM_METRICS, type MetricName } from '../../evaluation/arm-metrics.js';
import { FIGURE_KINDS } from '../../report/findings-set/types.js';

const name = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, 'a name of letters, digits, ".", "_" and "-"');
const keys = z.record(z.string(), z.unknown());
const metric = z.enum(Object.keys(ARM_METRICS) as [MetricName, ...MetricName[]]);

/** What is not the arm's own is keys of a recipe. */
const arm = z.looseObject({
  /** What tables and figures call it. */
  title: z.string(),
  /** The arm whose last checkpoint this one starts from, and whose keys it differs from; else it is trained from scratch. */
  from: name.optional(),
  /** The arm whose last checkpoint simulates this one's programs in the evaluation. */
  verifier: name.optional(),
});

const comparison = z.strictObject({
  /** The claim, as a sentence. */
  claim: z.string(),
  /** What the paper found, in its own numbers. */
  paper: z.string().optional(),
  arm: name,
  metric,
  /** What it is compared with: another arm, another metric, or both; what is not given is the same. */
  against: z.strictObject({ arm: name.optional(), metric: metric.optional() }),
  /** The sign that the claim means. */
  expect: z.enum(['higher', 'lower']),
});

const figure = z.strictObject({
  /** Name of its file. */
  name,
  title: z.string(),
  kind: z.enum(FIGURE_KINDS),
  metrics: z.array(metric).default([]),
  arms: z.array(name).min(1),
});

const findingsSet = z.strictObject({
  name,
  title: z.string(),
  seeds: z.array(z.number().int()).min(1),
  /** Folder of the arms' runs; sets that name the same one share their arms. Default: `<name>-runs`. */
  runs: name.optional(),
  /** Another set, beside this file: its base and its arms are known here; its arms are run if this set needs them. */
  include: z.string().optional(),
  base: keys.default({}),
  arms: z.record(name, arm),
  compare: z.array(comparison).default([]),
  figures: z.array(figure).default([]),
});

export interface Arm {
  readonly name: string;
  readonly title: string;
  readonly from?: string;
  readonly verifier?: string;
  /** Recipe keys in which it differs. */
  readonly keys: Readonly<Record<string, unknown>>;
}

export type Comparison = Readonly<z.output<typeof comparison>>;
export type FigureSpec = Readonly<z.output<typeof figure>>;

export interface FindingsSet {
  readonly name: string;
  readonly title: string;
  readonly seeds: readonly number[];
  readonly runs: string;
  readonly base: Readonly<Record<string, unknown>>;
  /** All that are known, those of included sets too. */
  readonly arms: ReadonlyMap<string, Arm>;
  /** Those that are reported, in order: the set's own, and what its comparisons and figures name. */
  readonly reported: readonly string[];
  readonly compare: readonly Comparison[];
  readonly figures: readonly FigureSpec[];
}

/** Keys that a set gives, and not an arm. */
const RESERVED = ['name', 'seed', 'data', 'reuse', 'world'];

/** Whether a parsed YAML file is meant as a findings set. */
export function isFindingsSet(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'arms' in value;
}

/** Reads a set with what it includes. Throws a UsageError that names the keys at fault. */
export async function readFindingsSet(path: string): Promise<FindingsSet> {
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`cannot read the findings set ${path}: ${messageOf(cause).split('\n')[0]}`, {
      cause,
    });
  }
  const include =
    typeof value === 'object' && value !== null && 'include' in value && typeof value.include === 'string'
      ? await readFindingsSet(resolve(dirname(path), value.include))
      : undefined;
  return parseFindingsSet(value, path, include);
}

/** Checks a set. Throws a UsageError that names the keys at fault. */
function parseFindingsSet(value: unknown, from: string, include?: FindingsSet): FindingsSet {
  const result = findingsSet.safeParse(value);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'set'}: ${message}`);
    throw new UsageError(`${from} is not a valid findings set. ${faults.join('; ')}`);
  }
  const set = result.data;
  const arms = new Map(include?.arms);
  for (const [name, { title, from: start, verifier, ...keys }] of Object.entries(set.arms)) {
    if (arms.has(name)) throw new UsageError(`${from}: arm ${name} is in the included set already`);
    arms.set(name, {
      name,
      title,
      ...(start !== undefined && { from: start }),
      ...(verifier !== undefined && { verifier }),
      keys,
    });
  }
  const named = [
    ...set.compare.flatMap(({ arm, against }) => [arm, against.arm ?? arm]),
    ...set.figures.flatMap(({ arms: shown }) => shown),
  ];
  checkArms(arms, named, from);
  return {
    name: set.name,
    title: set.title,
    seeds: set.seeds,
    runs: set.runs ?? include?.runs ?? `${set.name}-runs`,
    base: merge(include?.base ?? {}, set.base),
    arms,
    reported: [...arms.keys()].filter((name) => name in set.arms || named.includes(name)),
    compare: set.compare,
    figures: set.figures,
  };
}

/** Every arm's name that is used is an arm's; no arm starts, in the end, from itself. */
function checkArms(arms: ReadonlyMap<string, Arm>, named: readonly string[], from: string): void {
  const known = (name: string | undefined): void => {
    if (name !== undefined && !arms.has(name)) throw new UsageError(`${from}: there is no arm ${name}`);
  };
  named.forEach(known);
  for (const arm of arms.values()) {
    known(arm.from);
    known(arm.verifier);
    const reserved = RESERVED.filter((key) => key in arm.keys);
    if (reserved.length > 0) {
      throw new UsageError(
        `${from}: arm ${arm.name} cannot change ${reserved.join(', ')}: put it into the base`,
      );
    }
    const seen = new Set<string>();
    for (let at: Arm | undefined = arm; at; at = at.from === undefined ? undefined : arms.get(at.from)) {
      if (seen.has(at.name)) throw new UsageError(`${from}: arm ${arm.name} starts from itself`);
      seen.add(at.name);
    }
  }
}

/** Deep merge of keys; lists and values of `over` replace. */
export function merge(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isKeys(before) && isKeys(value) ? merge(before, value) : value;
  }
  return merged;
}

function isKeys(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
