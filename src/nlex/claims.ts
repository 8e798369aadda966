/**
 * What an explanation claims about an execution. Reads English: `x becomes 3 + 4 = 7`, `x = 7 and y = []`,
 * `` `n > 2` is true with n = 5 ``, `f is called with n = 5`, `f returns 7`, `on line 3`. A claim about a moment is a
 * test of a view; a claim about none (a calculation, a value that stands alone) is decided at once. One sentence at a time
 * is claim-sentence.ts.
 */
import { Sentence } from './claim-sentence.js';
import { tokenize } from './claim-tokens.js';
import type { Step } from './steps.js';
import type { View } from './views.js';

export interface Claim {
  readonly at: number;
  readonly end: number;
  readonly kind:
    | 'change'
    | 'state'
    | 'test'
    | 'call'
    | 'return'
    | 'length'
    | 'line'
    | 'calculation'
    | 'value'
    | 'print';
  /** Of a claim about a moment. */
  readonly test?: (view: View) => boolean;
  /** The claim can be met only at the first moment from here on for which this holds, if there is one. */
  readonly due?: (view: View) => boolean;
  /** It begins the telling of a loop's round; the line's other claims end before `bound` holds again. */
  readonly opens?: true;
  readonly bound?: (view: View) => boolean;
  /** What is tried when `test` holds nowhere. */
  readonly fallback?: (view: View) => boolean;
  /** Claims with equal keys need moments of their own. */
  readonly key?: string;
  /** Of a claim about no moment. */
  readonly holds?: boolean;
}

/** What claims are read against. */
export interface ClaimContext {
  readonly names: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
  /** Statements and tests that ran, as they are quoted. */
  readonly codes: ReadonlySet<string>;
  readonly isCode: (quoted: string) => boolean;
  /** Whether a value occurs in the program, its input, or anywhere in the trace. */
  readonly occurs: (value: string) => boolean;
  readonly stdout: string;
  /** Whether the step is a loop's header that begins a round with these targets. */
  readonly beginsRound: (step: Step, targets: readonly string[]) => boolean;
}

/** Claims in the order of the text; `at` and `end` are offsets in it, in UTF-16 units. */
export function readClaims(text: string, context: ClaimContext): Claim[] {
  const claims = tokenize(text, context.isCode, (word) => context.names.has(word)).flatMap((tokens) =>
    new Sentence(text, tokens, context).read(),
  );
  return boundByRounds(text, claims);
}

/** Within a bullet, what follows the head belongs to that round. */
function boundByRounds(text: string, claims: readonly Claim[]): Claim[] {
  let head: Claim | undefined;
  return claims.map((claim) => {
    if (claim.opens) head = claim;
    else if (head && text.slice(head.at, claim.at).includes('\n')) head = undefined;
    return head === undefined || head === claim || head.bound === undefined
      ? claim
      : { ...claim, bound: head.bound };
  });
}
