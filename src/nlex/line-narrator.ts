/**
 * The template narrator, for any program: an execution told the way a person explains it, with its concrete values.
 *
 * Free and exact by construction: every value comes from the trace; a calculation (`8 * 3 = 24`) is shown only where
 * its result is the one that the trace shows. It follows the code also where the code looks wrong (paper A.5).
 * Long repetition is summarised: of a loop's rounds the first, the last and every one that takes a new path are
 * told, the rest by where they lead; a call that was told before, or lies too deep, by its arguments and result.
 */
import type { Trace } from '../execution/types.js';
import type { ProgramInput } from '../problem/types.js';
import { type Printed, printedBy } from './printed.js';
import { listOf, shown, tellStep, verdictOf } from './sentences.js';
import { type FrameNode, type Step, type StepTree, toStepTree } from './steps.js';

/** How many rounds of a loop are told from its start, by how deeply the loop is nested. */
const FIRST_ROUNDS = [6, 4, 2];
/** Rounds beyond those that are told because they take a new path. */
const NEW_PATHS = 4;
/** Calls of one function that are told step by step. */
const TOLD_CALLS = 12;
const DEEPEST_CALL = 6;
const LONGEST_LINE = 420;

/** The explanation, ending with the output or the result. */
export function narrateByLine(source: string, trace: Trace, input: ProgramInput): string {
  const steps = narrateSteps(source, trace);
  return `${steps === '' ? '' : `${steps}\n`}${tellEnd(trace, input)}`;
}

/** The explanation without that ending. */
export function narrateSteps(source: string, trace: Trace): string {
  const tree = toStepTree(source, trace);
  const teller = new Teller(tree, printedBy(tree, source, trace.execution.stdout));
  for (const frame of tree.roots) teller.tellFrame(frame, 0);
  return teller.lines.join('\n');
}

type Node = Step | Loop;

interface Loop {
  readonly header: Step;
  readonly rounds: readonly Round[];
  /** The header's last run, when it found that the loop is over. */
  readonly exit: Step | undefined;
}

interface Round {
  readonly head: Step;
  readonly body: readonly Node[];
  readonly steps: readonly Step[];
}

class Teller {
  readonly lines: string[] = [];
  readonly #tree: StepTree;
  readonly #printed: ReadonlyMap<Step, Printed>;
  readonly #calls = new Map<string, number>();
  readonly #results = new Map<string, string>();
  #indent = 0;
  #open = false;

  constructor(tree: StepTree, printed: ReadonlyMap<Step, Printed>) {
    this.#tree = tree;
    this.#printed = printed;
  }

  tellFrame(frame: FrameNode, depth: number): void {
    if (isNamed(frame)) this.#say(tellCall(frame));
    this.#break();
    this.#tellNodes(this.#group(frame.steps, 0, frame.steps.length), depth, 0);
    if (depth === 0 && isNamed(frame) && endsByItself(frame)) this.#say(`${frame.function} returns None.`);
    this.#break();
  }

  #tellNodes(nodes: readonly Node[], depth: number, loops: number, head: readonly string[] = []): void {
    // What a round begins with need not be said again, until something comes in between.
    let fresh: ReadonlySet<string> = new Set(head);
    for (const node of nodes) {
      if ('rounds' in node) {
        this.#tellLoop(node, depth, loops);
        fresh = new Set();
      } else this.#tellSingle(node, depth, fresh);
    }
  }

  #tellSingle(step: Step, depth: number, fresh: ReadonlySet<string>): void {
    const told = tellStep(step, { fresh, printed: this.#printed.get(step) }) ?? '';
    const calls = tellableCalls(step);
    if (calls.length === 0) {
      this.#say(told);
      return;
    }
    const head = step.statement.text.split('\n')[0]!.trim();
    this.#say(`Next comes \`${head}\`.`);
    this.#break();
    this.#indented(() => {
      for (const call of calls) this.#tellCalled(call, depth + 1);
    });
    this.#say(told);
  }

  /** A call in full, or in short when it was told before or lies too deep. */
  #tellCalled(frame: FrameNode, depth: number): void {
    const result = resultOf(frame);
    const what = `${frame.function}(${argumentsOf(frame)})`;
    const count = this.#calls.get(frame.function) ?? 0;
    if (result !== undefined && this.#results.get(what) === result && frame.steps.length > 2) {
      this.#say(`${tellCall(frame)} As before, ${frame.function} ${result}.`);
      this.#break();
      return;
    }
    if (result !== undefined) this.#results.set(what, result);
    if (depth > DEEPEST_CALL || count >= TOLD_CALLS) {
      const short = result === undefined ? '' : ` Worked out the same way, ${frame.function} ${result}.`;
      this.#say(`${tellCall(frame)}${short}`);
      this.#break();
      return;
    }
    this.#calls.set(frame.function, count + 1);
    this.tellFrame(frame, depth);
  }

  #tellLoop(loop: Loop, depth: number, loops: number): void {
    const { header, rounds, exit } = loop;
    const head = headerText(header);
    if (rounds.length === 0) {
      this.#say(exit ? tellEmpty(exit, head) : `The loop \`${head}\` does not start.`);
      return;
    }
    this.#say(`${header.statement.kind === 'while' ? 'The loop' : 'Now the loop'} \`${head}\` runs.`);
    this.#break();
    this.#indented(() => this.#tellRounds(rounds, depth, loops), '- ');
    if (exit) this.#say(tellExit(exit, head));
    else if (!isLeft(rounds.at(-1)!)) this.#say('The loop is left here.');
  }

  #tellRounds(rounds: readonly Round[], depth: number, loops: number): void {
    const first = FIRST_ROUNDS[Math.min(loops, FIRST_ROUNDS.length - 1)]!;
    const seen = new Set<string>();
    let extra = 0;
    let skipped: Round[] = [];
    rounds.forEach((round, at) => {
      const path = pathOf(round);
      const isNew = !seen.has(path) && extra < NEW_PATHS;
      const isTold = at < first || at === rounds.length - 1 || rounds.length <= first + 2 || isNew;
      if (!isTold) {
        skipped.push(round);
        return;
      }
      if (at >= first && isNew) extra++;
      seen.add(path);
      this.#tellSkipped(skipped, seen);
      skipped = [];
      this.#tellRound(round, at, depth, loops);
    });
  }

  #tellRound(round: Round, at: number, depth: number, loops: number): void {
    const { head } = round;
    const facts = headFacts(head);
    // On one line with its block, the header's step is the whole round.
    const isOneLine = this.#tree.source.blockEnds.get(head.statement.line) === head.statement.line;
    const effects = isOneLine ? changesOf(head).filter((fact) => !facts.includes(fact)) : [];
    this.#break();
    if (head.statement.kind === 'while') {
      this.#say(tellStep(head) || (at === 0 ? 'First round.' : 'Another round.'), '- ');
      if (effects.length > 0) this.#say(`That makes ${listOf(effects)}.`);
    } else this.#say(tellHead([...facts, ...effects]), '- ');
    this.#tellNodes(round.body, depth, loops + 1, facts);
    this.#break();
  }

  /** Where rounds that are not told lead to, in values that all hold at one moment. */
  #tellSkipped(rounds: readonly Round[], seen: ReadonlySet<string>): void {
    const last = rounds.at(-1);
    if (!last) return;
    const after = last.steps.at(-1)!.after;
    const names = new Set<string>();
    for (const { steps } of rounds)
      for (const { changed } of steps) for (const name of changed) names.add(name);
    const facts = [...names]
      .filter((name) => shown(after.get(name)) !== undefined)
      .slice(0, 8)
      .map((name) => `${name} = ${after.get(name)}`);
    const same = rounds.every((round) => seen.has(pathOf(round)));
    const how = rounds.length === 1 ? 'The next round goes' : 'The next rounds go';
    const way = same ? 'the same way' : 'on in this manner';
    this.#break();
    this.#say(`${how} ${way}${facts.length === 0 ? '' : `, until ${listOf(facts)}`}.`, '- ');
    this.#break();
  }

  /** Steps as a tree of loops and their rounds. */
  #group(steps: readonly Step[], from: number, to: number): Node[] {
    const out: Node[] = [];
    let at = from;
    while (at < to) {
      const step = steps[at]!;
      const end = this.#tree.source.blockEnds.get(step.statement.line);
      if (end === undefined) {
        out.push(step);
        at++;
        continue;
      }
      const line = step.statement.line;
      let stop = at;
      while (stop < to && within(steps[stop]!, line, end)) stop++;
      const heads: number[] = [];
      for (let i = at; i < stop; i++) if (steps[i]!.statement.line === line) heads.push(i);
      let exit: Step | undefined;
      const rounds: Round[] = [];
      heads.forEach((head, index) => {
        const next = heads[index + 1] ?? stop;
        if (next === head + 1 && !(index < heads.length - 1 && verdictOf(steps[head]!) !== false)) {
          if (exit === undefined && isOver(steps[head]!, line, end)) {
            exit = steps[head]!;
            return;
          }
        }
        rounds.push({
          head: steps[head]!,
          body: this.#group(steps, head + 1, next),
          steps: steps.slice(head, next),
        });
      });
      out.push({ header: step, rounds, exit });
      at = stop;
    }
    return out;
  }

  #indented(work: () => void, _bullet = ''): void {
    this.#break();
    this.#indent = Math.min(this.#indent + 1, 8);
    const before = this.#indent;
    work();
    this.#indent = before - 1;
    this.#break();
  }

  /** Adds a sentence to the current paragraph, or begins one. */
  #say(sentence: string, bullet = ''): void {
    if (sentence === '') return;
    const last = this.lines.length - 1;
    if (this.#open && bullet === '' && this.lines[last]!.length + sentence.length < LONGEST_LINE) {
      this.lines[last] += ` ${sentence}`;
      return;
    }
    this.lines.push(`${'  '.repeat(Math.max(0, this.#indent - (bullet ? 1 : 0)))}${bullet}${sentence}`);
    this.#open = true;
  }

  #break(): void {
    this.#open = false;
  }
}

function within({ statement }: Step, from: number, to: number): boolean {
  return statement.line >= from && statement.line <= to;
}

/** The header ran and the loop's block did not follow. */
function isOver(step: Step, from: number, to: number): boolean {
  if (step.raised !== undefined && !step.raised.startsWith('StopIteration')) return false;
  const { next } = step;
  return next === undefined || next.kind !== 'line' || next.line <= from || next.line > to;
}

/** Which lines a round goes through: equal paths are told once. */
function pathOf({ steps }: Round): string {
  const lines: number[] = [];
  for (const { statement } of steps) if (!lines.includes(statement.line)) lines.push(statement.line);
  return `${lines.join()}${steps.some(({ raised }) => raised !== undefined) ? '!' : ''}`;
}

/** Functions with a name. What runs inside lambdas and generator expressions counts as their caller's. */
function tellableCalls(step: Step): FrameNode[] {
  return step.calls.flatMap((call) => {
    if (call.resumed || isClassBody(call)) return [];
    return call.function.startsWith('<') ? call.steps.flatMap(tellableCalls) : [call];
  });
}

function isNamed(frame: FrameNode): boolean {
  return frame.function !== '<module>';
}

function isClassBody(frame: FrameNode): boolean {
  const text = frame.caller?.statement.text ?? '';
  return new RegExp(`^(@.*\\n\\s*)*class\\s+${frame.function}\\b`).test(text);
}

function tellCall(frame: FrameNode): string {
  const given = [...frame.given]
    .filter(([key, value]) => shown(value) !== undefined && !key.startsWith('.'))
    .map(([key, value]) => `${key} = ${value}`);
  return `${frame.function} is called${given.length > 0 ? ` with ${listOf(given)}` : ''}.`;
}

function argumentsOf(frame: FrameNode): string {
  return [...frame.given].map(([name, value]) => `${name} = ${value}`).join(', ');
}

/** `returns 6`, or `raises ValueError: bad`; undefined when the trace does not say. */
function resultOf(frame: FrameNode): string | undefined {
  if (frame.returned !== undefined)
    return shown(frame.returned) === undefined ? undefined : `returns ${frame.returned}`;
  const raised = frame.steps.at(-1)?.raised;
  return raised === undefined ? undefined : `raises ${raised}`;
}

function headerText({ statement }: Step): string {
  return statement.text
    .split('\n')[0]!
    .replace(/:\s*(#.*)?$/, '')
    .trim();
}

/** What a step changed, as far as it can be shown. */
function changesOf({ changed, after }: Step): string[] {
  return changed
    .filter((name) => shown(after.get(name)) !== undefined)
    .map((name) => `${name} = ${after.get(name)}`);
}

function tellHead(facts: readonly string[]): string {
  return facts.length === 0 ? 'The next item is taken.' : `${listOf(facts)}.`;
}

/** What a `for` loop's round begins with: `x = 3`. */
function headFacts(head: Step): string[] {
  if (head.statement.kind === 'while') return [];
  return targetsOf(head)
    .filter((name) => shown(head.after.get(name)) !== undefined)
    .map((name) => `${name} = ${head.after.get(name)}`);
}

/** The round's last step has already said that the loop ends there. */
function isLeft({ steps }: Round): boolean {
  const last = steps.at(-1)!;
  return last.raised !== undefined || /^(break|return|raise)\b/.test(last.statement.text);
}

/** The end of the function was reached without a `return`. */
function endsByItself({ returned, steps }: FrameNode): boolean {
  return returned === 'None' && steps.length > 0 && !/^return\b/.test(steps.at(-1)!.statement.text);
}

function targetsOf(head: Step): string[] {
  if (head.statement.kind === 'for') return [head.statement.target];
  const between = /^(?:async )?for\s+(.+?)\s+in\s/s.exec(head.statement.text)?.[1] ?? '';
  return [...between.matchAll(/[A-Za-z_]\w*/g)].map(([name]) => name).filter((name) => head.after.has(name));
}

function tellEmpty(exit: Step, head: string): string {
  return exit.statement.kind === 'while'
    ? `${(tellStep(exit) ?? '').replace(/\.$/, '')}, so the loop is passed over.`
    : `The loop \`${head}\` has nothing to go through.`;
}

function tellExit(exit: Step, head: string): string {
  if (exit.statement.kind !== 'while') return `The loop \`${head}\` is done.`;
  const told = tellStep(exit) ?? '';
  return told === '' ? 'The loop is done.' : `${told.replace(/\.$/, '')}, so the loop is done.`;
}

function tellEnd(trace: Trace, input: ProgramInput): string {
  const { outcome, error, result, stdout } = trace.execution;
  if (error !== undefined) return `The program ends with ${error.type}: ${error.message}`;
  if (outcome !== 'completed') return `The program is stopped: ${outcome}.`;
  if (trace.excluded !== undefined) return `The steps shown stop here (${trace.excluded}).`;
  if (input.kind === 'call') return `The result of ${input.expression} is ${result}`;
  return stdout === '' ? 'Nothing is printed.' : `The output is:\n${stdout.trimEnd()}`;
}
