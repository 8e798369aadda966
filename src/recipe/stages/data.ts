/**
 * The data stage: problems with tests for training, validation and test, and the narrated executions that SFT learns from.
 * Chunks of families are files of their own, written in one step each; a killed stage goes on with the first missing chunk,
 * and ends in identical files.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonLines, writeJsonLines } from '../../core/json-lines.js';
import type { ChatExample } from '../../nlex/examples.js';
import { createFamily, type FamilyMix } from '../../nlex/world-examples.js';
import type { Problem } from '../../problem/types.js';
import type { Split } from '../../world/compose.js';
import { type MutationScore, measureMutationScore } from '../../world/mutation-score.js';
import { createProblems, PROBLEM_DEPTH } from '../../world/problems.js';
import type { Stage, StageContext } from '../context.js';
import type { RunFolder } from '../run-folder.js';

const FAMILIES_PER_CHUNK = 1_000;
/** Of the private tests: how many problems, mutants of each, and further inputs that tell whether a mutant differs. */
const TEST_SCORE = { problems: 30, mutants: 6, probes: 30 } as const;

export const dataStage: Stage = {
  name: 'data',
  title: 'Running, tracing and narrating programs',
  run: async (context) => {
    const { dataFolder, recipe, progress } = context;
    await mkdir(dataFolder, { recursive: true });
    const chunks = Math.ceil(recipe.data.families / FAMILIES_PER_CHUNK);
    for (let chunk = 0; chunk < chunks; chunk++) {
      await makeChunk(context, chunk);
      if (chunk === 0) await showOneExample(context);
    }
    const counts: [Split, number][] = [
      ['validation', recipe.data.validationProblems],
      ['test', recipe.data.testProblems],
      ['train', recipe.data.trainProblems],
    ];
    for (const [split, count] of counts) await makeProblems(context, split, count);
    await scoreTests(context);
    const examples = await countLines(context);
    progress.finish(
      `  ${examples} examples from ${recipe.data.families} training problems, all really executed`,
    );
  },
};

/** The problems of a split, as the data stage wrote them. */
export async function readProblems(context: StageContext, split: Split): Promise<Problem[]> {
  return (await readJsonLines(problemsFile(context, split))) as Problem[];
}

/** Every SFT example, in the order of the families. */
export async function readExamples(context: StageContext): Promise<ChatExample[]> {
  const examples: ChatExample[] = [];
  for (const file of await chunkFiles(context))
    examples.push(...((await readJsonLines(file)) as ChatExample[]));
  return examples;
}

async function makeChunk(context: StageContext, chunk: number): Promise<void> {
  const { dataFolder, recipe, progress, style, signal } = context;
  const file = join(dataFolder, chunkName(chunk));
  const existing = await readdir(dataFolder);
  if (existing.includes(chunkName(chunk))) return;
  const sandbox = context.trustedSandbox();
  const { mutant, call, solving, review, families, toldReviews } = recipe.data;
  const mix: FamilyMix = { mutant, call, solving, review, toldReviews };
  const first = chunk * FAMILIES_PER_CHUNK;
  const size = Math.min(FAMILIES_PER_CHUNK, families - first);
  let done = 0;
  const rows = await Promise.all(
    Array.from({ length: size }, async (_, offset) => {
      const family = await createFamily(sandbox, style, recipe.seed, first + offset, mix);
      signal.throwIfAborted();
      done++;
      progress.update((first + done) / families, `${first + done} of ${families} training problems`);
      return family.examples;
    }),
  );
  await writeJsonLines(file, rows.flat());
}

async function makeProblems(context: StageContext, split: Split, count: number): Promise<void> {
  const { recipe, progress } = context;
  const file = problemsFile(context, split);
  if ((await readJsonLines(file)).length > 0) return;
  const sandbox = context.trustedSandbox();
  progress.finish();
  const problems = await createProblems(
    sandbox,
    `${recipe.seed}/problems`,
    split,
    count,
    PROBLEM_DEPTH,
    (done) => progress.update(done / count, `${split} problems: ${done}`),
  );
  await writeJsonLines(file, problems);
}

/** How many mutants the private tests catch: measured once, shown in the report. */
async function scoreTests(context: StageContext): Promise<void> {
  const { folder, recipe, progress } = context;
  if ((await readTestScore(folder)) !== undefined) return;
  const score = await measureMutationScore(context.trustedSandbox(), {
    seed: `${recipe.seed}/problems`,
    ...TEST_SCORE,
  });
  await writeJsonLines(testScoreFile(folder), [score]);
  progress.finish(`  private tests catch ${score.caught} of ${score.different} mutants that differ`);
}

/** What `scoreTests` measured; `undefined` before that. */
export async function readTestScore(folder: Pick<RunFolder, 'file'>): Promise<MutationScore | undefined> {
  const [score] = await readJsonLines(testScoreFile(folder));
  return score as MutationScore | undefined;
}

function testScoreFile(folder: Pick<RunFolder, 'file'>): string {
  return folder.file('data', 'mutation-score.jsonl');
}

/** Something worth reading in the first minute: a task, a program, and its execution in words. */
async function showOneExample(context: StageContext): Promise<void> {
  const [file] = await chunkFiles(context);
  const examples = file === undefined ? [] : ((await readJsonLines(file)) as ChatExample[]);
  const executions = examples.filter(({ metadata }) => metadata.task === 'execution');
  const found = examples
    .filter(({ metadata }) => metadata.task === 'solving')
    .flatMap((solving) => {
      const program = `${solving.messages.at(-1)?.content}\n`;
      const execution = executions.find(({ messages }) => messages[0]?.content.includes(program));
      return execution ? [{ solving, program, execution }] : [];
    })
    .find(({ execution }) => isWorthReading(execution.messages.at(-1)?.content ?? ''));
  const { progress } = context;
  progress.finish();
  if (!found) return;
  const { solving, program, execution } = found;
  progress.say('\n  A problem of the small world, and its reference program:\n');
  progress.say(indent(`${solving.messages[0]?.content}\n\n${program}`));
  progress.say('  What the model learns to write, without running anything, for one input:\n');
  const input = execution.messages[0]?.content.split('\n').at(-1);
  progress.say(indent(`${input}\n\n${execution.messages.at(-1)?.content}\n`));
}

/** Some items pass a condition and some do not. */
function isWorthReading(narration: string): boolean {
  return (narration.match(/ yes/g)?.length ?? 0) >= 2 && / no/.test(narration) && /[*+-]/.test(narration);
}

async function countLines(context: StageContext): Promise<number> {
  let total = 0;
  for (const file of await chunkFiles(context)) total += (await readJsonLines(file)).length;
  return total;
}

async function chunkFiles({ dataFolder }: StageContext): Promise<string[]> {
  const names = (await readdir(dataFolder)).filter((name) => /^sft-\d+\.jsonl$/.test(name)).sort();
  return names.map((name) => join(dataFolder, name));
}

function chunkName(chunk: number): string {
  return `sft-${String(chunk).padStart(5, '0')}.jsonl`;
}

function problemsFile({ dataFolder }: StageContext, split: Split): string {
  return join(dataFolder, `problems-${split}.jsonl`);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
