/**
 * The runs that a findings set is made of: the data of each seed, then its arms, each after those it needs.
 */
import { stagesOf } from '../run-recipe.js';
import { parseRecipe, type Recipe } from '../schema.js';
import { type Arm, type FindingsSet, merge } from './set-schema.js';

export interface Job {
  /** Name of its run. */
  readonly name: string;
  readonly seed: number;
  /** Absent for a seed's data. */
  readonly arm?: Arm;
  readonly recipe: Recipe;
  /** The last stage; the report is the set's business. */
  readonly until: string;
  /** Names of runs that have to be done before. */
  readonly needs: readonly string[];
}

/** Arm by arm in the set's order, each with all its seeds, so that a set that was stopped has whole comparisons. */
export function jobsOf(set: FindingsSet): Job[] {
  const jobs = new Map<string, Job>();
  const add = (name: string, seed: number): void => {
    const job = armJob(set, set.arms.get(name)!, seed);
    if (jobs.has(job.name)) return;
    const data = dataJob(set, seed);
    if (!jobs.has(data.name)) jobs.set(data.name, data);
    for (const needed of [job.arm.from, job.arm.verifier]) if (needed !== undefined) add(needed, seed);
    jobs.set(job.name, job);
  };
  for (const name of set.reported) for (const seed of set.seeds) add(name, seed);
  return [...jobs.values()];
}

/** Name of the run of an arm, or of a seed's data. */
export function runName(arm: string, seed: number): string {
  return `${arm}-s${seed}`;
}

function dataJob({ base }: FindingsSet, seed: number): Job {
  const name = runName('data', seed);
  const recipe = parseRecipe({ ...base, name, seed }, 'the base of the set');
  return { name, seed, recipe, until: 'data', needs: [] };
}

function armJob(set: FindingsSet, arm: Arm, seed: number): Job & { readonly arm: Arm } {
  const name = runName(arm.name, seed);
  const data = runName('data', seed);
  const checkpoint = arm.from === undefined ? undefined : runName(arm.from, seed);
  const verifier = arm.verifier === undefined ? undefined : runName(arm.verifier, seed);
  const recipe = parseRecipe(
    {
      ...keysOf(set, arm),
      name,
      seed,
      reuse: { data, ...(checkpoint && { checkpoint }), ...(verifier && { verifier }) },
    },
    `arm ${arm.name}`,
  );
  const until = stagesOf(recipe).at(-2)!.name;
  const needs = [data, checkpoint, verifier].filter((needed) => needed !== undefined);
  return { name, seed, arm, recipe, until, needs };
}

/** The base's keys with the differences of every arm on the way to this one. */
function keysOf(set: FindingsSet, arm: Arm): Record<string, unknown> {
  const under = arm.from === undefined ? set.base : keysOf(set, set.arms.get(arm.from)!);
  return merge(under, arm.keys);
}
