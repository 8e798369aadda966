/**
 * What became of a program on a test. `unscored` means our machinery failed: it is retried, never counted as a
 * failure, and left out of denominators.
 */
import type { ComparatorName } from './comparators.js';

export type Verdict =
  | 'accepted'
  | 'wrong-answer'
  | 'runtime-error'
  | 'time-limit'
  | 'memory-limit'
  | 'output-limit'
  /** The completion held no program or answer that could be read. */
  | 'unparsed'
  | 'unscored';

export interface TestVerdict {
  readonly verdict: Verdict;
  readonly comparator: ComparatorName;
  readonly cpuTimeMs: number;
  readonly peakMemoryBytes?: number;
  /** For `unscored`: what failed. */
  readonly reason?: string;
}
