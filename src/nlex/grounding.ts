/**
 * Grounding: does an explanation adhere to the execution? The paper (§2.1) compares the final output; we also check
 * every concrete value that the explanation states for a variable or a step, in order, against the trace, and say
 * where the first unsupported claim is. Works on any English text, ours or a model's; what is no claim is ignored.
 *
 * Claims are matched to moments of the execution from left to right, never going back: a value that a variable had
 * once does not support a claim about a later moment. A claim that could only be met by a leap over moments which the
 * next claims need is the one that is wrong.
 */
import { outputsMatch } from '../execution/comparators.js';
import type { Trace } from '../execution/types.js';
import type { ProgramInput } from '../problem/types.js';
import { normalise, spelledCode, testOf } from './claim-spelling.js';
import { type Claim, type ClaimContext, readClaims } from './claims.js';
import { type StepTree, toStepTree } from './steps.js';
import { type View, viewsOf } from './views.js';

export interface GroundedExecution {
  readonly source: string;
  readonly input: ProgramInput;
  readonly trace: Trace;
}

export interface Grounding {
  /** Share of the claims that the trace supports, in [0, 1]; 1 when nothing is claimed. */
  readonly score: number;
  readonly claims: number;
  /** Whether the stated final output is the true one, by value; undefined when none is stated. */
  readonly outputMatches: boolean | undefined;
  /** The first claim that the trace does not support. */
  readonly unsupported?: UnsupportedClaim;
  /** Unsupported claims by kind. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface UnsupportedClaim {
  readonly kind: Claim['kind'] | 'exception';
  readonly text: string;
  /** Characters into the explanation. */
  readonly at: number;
  /** Line of the explanation, from 1. */
  readonly line: number;
}

/** When an explanation is kept. */
export interface GroundingThresholds {
  readonly minScore: number;
  /** Explanations that claim less explain nothing. */
  readonly minClaims: number;
}

export const DEFAULT_THRESHOLDS: GroundingThresholds = { minScore: 1, minClaims: 1 };

/** A leap over more moments than this is looked at twice. */
const LEAP = 4;
const LOOK_AHEAD = 4;

/**
 * Checks an explanation. `output` is the answer that goes with it (stdout, or a Python literal for a call); when it is
 * left out, the ending of a template explanation is read.
 */
export function groundExplanation(
  execution: GroundedExecution,
  explanation: string,
  output?: string,
): Grounding {
  const { body, stated } = splitEnding(explanation, execution);
  const outputMatches = output === undefined ? stated : isTrueOutput(output, execution);
  const tree = toStepTree(execution.source, execution.trace);
  const raised = checkRaised(body, execution.trace);
  const claims = readClaims(raised.text, contextOf(tree, execution));
  const wrong = [...matchClaims(claims, viewsOf(tree)), ...raised.wrong].sort((a, b) => a.at - b.at);
  const total = claims.length + raised.count;
  const reasons: Record<string, number> = {};
  for (const { kind } of wrong) reasons[kind] = (reasons[kind] ?? 0) + 1;
  const [first] = wrong;
  return {
    score: total === 0 ? 1 : (total - wrong.length) / total,
    claims: total,
    outputMatches,
    ...(first === undefined
      ? {}
      : {
          unsupported: {
            kind: first.kind,
            text: explanation.slice(first.at, first.end),
            at: first.at,
            line: explanation.slice(0, first.at).split('\n').length,
          },
        }),
    reasons,
  };
}

/** Why an explanation is not kept; undefined when it is. */
export function rejectionOf(
  grounding: Grounding,
  thresholds: GroundingThresholds = DEFAULT_THRESHOLDS,
): string | undefined {
  if (grounding.outputMatches === false) return 'wrong output';
  if (grounding.score < thresholds.minScore) {
    return grounding.unsupported ? `unsupported ${grounding.unsupported.kind}` : 'low score';
  }
  return grounding.claims < thresholds.minClaims ? 'no claims' : undefined;
}

interface Wrong {
  readonly kind: UnsupportedClaim['kind'];
  readonly at: number;
  readonly end: number;
}

function matchClaims(claims: readonly Claim[], views: readonly View[]): Wrong[] {
  const wrong: Wrong[] = [];
  const moments = claims.filter(({ test }) => test !== undefined);
  let cursor: Cursor = { at: 0, taken: new Set(), round: undefined };
  let next = 0;
  for (const claim of claims) {
    if (claim.test === undefined) {
      if (claim.holds === false) wrong.push(claim);
      continue;
    }
    next++;
    const found = find(claim, views, cursor);
    if (found === undefined) {
      wrong.push(claim);
      if (claim.opens) cursor = { ...cursor, round: undefined };
      continue;
    }
    const moved = take(claim, found, cursor);
    if (found - cursor.at > LEAP && next < moments.length) {
      const ahead = moments.slice(next, next + LOOK_AHEAD);
      const after = supported(ahead, views, moved);
      if (after < ahead.length && supported(ahead, views, cursor) > after) {
        wrong.push(claim);
        continue;
      }
    }
    cursor = moved;
  }
  return wrong;
}

/** Where matching has come to, and the claims that were met right there. */
interface Cursor {
  readonly at: number;
  readonly taken: ReadonlySet<string>;
  /** The moment at which the told round of a loop begins. */
  readonly round: { readonly at: number } | undefined;
}

function find(claim: Claim, views: readonly View[], { at, taken, round }: Cursor): number | undefined {
  const first = claim.key !== undefined && taken.has(claim.key) ? at + 1 : at;
  for (let i = first; i < views.length; i++) {
    if (
      round &&
      !claim.opens &&
      i > round.at &&
      views[i]!.frame === views[round.at]!.frame &&
      claim.bound?.(views[i]!)
    )
      return undefined;
    if (claim.due?.(views[i]!)) return claim.test!(views[i]!) ? i : undefined;
    if (claim.due === undefined && claim.test!(views[i]!)) return i;
  }
  const test = claim.due ? claim.test : claim.fallback;
  const { at: start, end, kind } = claim;
  return test && find({ at: start, end, kind, test, opens: true }, views, { at, taken, round });
}

function take(claim: Claim, found: number, cursor: Cursor): Cursor {
  const kept = found === cursor.at ? cursor.taken : [];
  const taken = claim.key === undefined ? kept : [...kept, claim.key];
  return { at: found, taken: new Set(taken), round: claim.opens ? { at: found } : cursor.round };
}

function supported(claims: readonly Claim[], views: readonly View[], from: Cursor): number {
  let cursor = from;
  let count = 0;
  for (const claim of claims) {
    const found = find(claim, views, cursor);
    if (found === undefined) continue;
    count++;
    cursor = take(claim, found, cursor);
  }
  return count;
}

function contextOf(tree: StepTree, { source, input, trace }: GroundedExecution): ClaimContext {
  const names = new Set<string>();
  const functions = new Set<string>();
  const codes = new Set<string>();
  for (const frame of tree.frames) {
    functions.add(frame.function);
    for (const name of frame.given.keys()) names.add(name);
    for (const step of frame.steps) {
      for (const name of step.changed) names.add(name);
      codes.add(spelledCode(step));
      const test = testOf(step);
      if (test !== undefined) codes.add(test);
    }
  }
  const quotable = normalise(source);
  const given = input.kind === 'call' ? input.expression : input.stdin;
  let haystack: string | undefined;
  return {
    names,
    functions,
    codes,
    isCode: (quoted) => {
      const code = normalise(quoted);
      return (
        !/^(-?[\d.]+|'[^']*'|"[^"]*"|True|False|None|\[\]|\{\}|\(\))$/.test(code) && quotable.includes(code)
      );
    },
    occurs: (value) => {
      haystack ??= [source, given, ...valuesOf(trace)].join('\n');
      return occursIn(value, haystack);
    },
    stdout: trace.execution.stdout,
    beginsRound: ({ statement, next, changed }, targets) => {
      const header: string = statement.text;
      const between = /^(?:async )?for\s+(.+?)\s+in\s/s.exec(header)?.[1];
      const end = tree.source.blockEnds.get(statement.line);
      if (between === undefined || end === undefined || next?.kind !== 'line') return false;
      const names: readonly string[] = between.match(/[A-Za-z_]\w*/g) ?? [];
      // A loop on one line: one step is a whole round.
      if (end === statement.line)
        return (next.line === end || changed.length > 0) && targets.some((name) => names.includes(name));
      if (next.line <= statement.line || next.line > end) return false;
      return targets.every((name) => names.includes(name));
    },
  };
}

function valuesOf({ events, execution }: Trace): Iterable<string> {
  const values = new Set<string>();
  for (const event of events) {
    for (const name in event.changes) values.add(event.changes[name]!);
    if ('value' in event) values.add(event.value);
  }
  return values.add(execution.stdout).add(execution.result ?? '');
}

/** As a value of its own, not inside a longer number or word. */
function occursIn(value: string, text: string): boolean {
  const isWord = /^[\w.-]+$/.test(value);
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) {
    if (!isWord) return true;
    if (
      !/[\w.]/.test(text[at - 1] ?? ' ') &&
      !/\w|\.\d/.test(text.slice(at + value.length, at + value.length + 2))
    )
      return true;
  }
  const bare = /^['"](.*)['"]$/s.exec(value)?.[1];
  return bare !== undefined && bare !== '' && text.includes(bare);
}

/** Checks `raises Type: message`, and takes the messages out: they may hold anything. */
function checkRaised(
  body: string,
  { events, execution }: Trace,
): { readonly text: string; readonly wrong: Wrong[]; readonly count: number } {
  const raised = new Set(events.flatMap((event) => (event.kind === 'exception' ? [event.value] : [])));
  if (execution.error) raised.add(`${execution.error.type}: ${execution.error.message}`);
  const longestFirst = [...raised].sort((a, b) => b.length - a.length);
  const wrong: Wrong[] = [];
  let text = body;
  let count = 0;
  for (const { index, 0: found } of body.matchAll(/\braises (?=[A-Z])/g)) {
    if (text[index] === ' ') continue;
    count++;
    const at = index + found.length;
    const known = longestFirst.find(
      (value: string) => body.startsWith(value, at) && !/\w/.test(body[at + value.length] ?? ''),
    );
    const end = known === undefined ? lineEnd(body, at) : at + known.length;
    const isBare =
      known === undefined &&
      longestFirst.some(
        (value) => body.startsWith(value.split(':')[0]!, at) && !/^\w*:/.test(body.slice(at)),
      );
    if (known === undefined && !isBare) wrong.push({ kind: 'exception', at, end });
    text = text.slice(0, index) + body.slice(index, end).replace(/[^\n]/g, ' ') + text.slice(end);
  }
  return { text, wrong, count };
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** The explanation without the ending that states the output, and whether that output is true. */
function splitEnding(
  explanation: string,
  execution: GroundedExecution,
): { readonly body: string; readonly stated: boolean | undefined } {
  const { input, trace } = execution;
  const ending =
    /(?:^|\n)(The output is:\n|Nothing is printed\.|The result of |The program (?:ends with|is stopped)|The steps shown stop here)/g;
  const last = [...explanation.matchAll(ending)].at(-1);
  if (!last) return { body: explanation, stated: undefined };
  const at = last.index + last[0].length;
  const body = explanation.slice(0, last.index);
  const rest = explanation.slice(at);
  const { error, outcome, stdout } = trace.execution;
  switch (last[1]) {
    case 'The output is:\n':
      return { body, stated: isTrueOutput(rest, execution) };
    case 'Nothing is printed.':
      return { body, stated: stdout.trim() === '' };
    case 'The result of ':
      if (input.kind !== 'call' || !rest.startsWith(`${input.expression} is `))
        return { body, stated: false };
      return { body, stated: isTrueOutput(rest.slice(input.expression.length + 4), execution) };
    case 'The program ends with':
      return {
        body,
        stated: error !== undefined && rest.trim() === `${error.type}: ${error.message}`.trim(),
      };
    case 'The program is stopped':
      return { body, stated: rest === `: ${outcome}.` };
    default:
      return { body, stated: trace.excluded !== undefined };
  }
}

function isTrueOutput(output: string, { input, trace }: GroundedExecution): boolean {
  const { stdout, result, outcome } = trace.execution;
  if (input.kind === 'stdin') return outputsMatch('output', output, stdout);
  return (
    outcome === 'completed' &&
    result !== undefined &&
    (output === result || outputsMatch('literal', output, result))
  );
}
