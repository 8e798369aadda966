/**
 * Named rules for "the same output". The name is recorded with every verdict (field-notes F lists how judges differ).
 */

export type ComparatorName =
  | 'codecontests'
  | 'output'
  | 'livecodebench'
  | 'livecodebench-tolerant'
  | 'literal';
