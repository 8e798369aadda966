/**
 * Where verdicts on real data rightly differ from what is recorded with it: ids, places and causes.
 *
 * Hidden tests beyond the first six on which an accepted CodeContests solution is rightly not accepted here; the tests'
 * places are among the hidden ones, from 0. "Any of several answers" was checked with a checker of the problem's own: the
 * printed answer fulfils the statement.
 */
export interface HiddenTestException {
  readonly problem: string;
  readonly tests: readonly number[];
  readonly cause: string;
}

const ANY_ANSWER = 'the statement accepts any of several answers; another right one is printed';

export const HIDDEN_TEST_EXCEPTIONS: readonly HiddenTestException[] = [
  {
    problem: 'CF/1009D',
    tests: [46],
    cause:
      'the recorded answer, one of many, is cut off in the data set; the printed graph is complete and right',
  },
  { problem: 'CF/1016D', tests: [20], cause: ANY_ANSWER },
  {
    problem: 'CF/1172C1',
    tests: [68, 83],
    cause: 'takes quadratic time in m = 3,000: 16 and 15 s of CPU time in a bare python3',
  },
  { problem: 'CF/135B', tests: [26, 136, 168], cause: ANY_ANSWER },
  { problem: 'CF/1454D', tests: [12, 18], cause: ANY_ANSWER },
  { problem: 'CF/228E', tests: [7], cause: ANY_ANSWER },
  {
    problem: 'CF/653E',
    tests: [14, 20],
    cause: 'takes quadratic time without edges: unfinished after 13 s of CPU time in a bare python3 too',
  },
  { problem: 'CF/901D', tests: [6], cause: ANY_ANSWER },
  {
    problem: 'CF/908D',
    tests: [15, 17],
    cause: 'recurses deeper than 1,000: RecursionError in a bare python3 too',
  },
];

/** Programs of the shared APPS part whose recorded verdict is rightly not ours: the problem, the candidate's place. */
export const APPS_EXCEPTIONS: readonly {
  readonly problem: string;
  readonly candidate: number;
  readonly cause: string;
}[] = [6, 9].map((candidate) => ({
  problem: 'APPS/2183',
  candidate,
  cause: `recorded as too slow; prints what is expected in at most ${candidate === 6 ? 2.7 : 2.2} s of CPU time here`,
}));
