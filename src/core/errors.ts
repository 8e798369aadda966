/**
 * The two errors of this code base. A program or a completion that fails is neither: it is data.
 */

/** The caller did something wrong. The message says what was expected, what came, and how to mend it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Which part of the machinery an `InfrastructureError` came from. */
export type Boundary = 'sandbox' | 'model' | 'engine' | 'storage';

/**
 * Our machinery failed. It is never turned into a verdict or a reward: the work it happened in is retried
 * when `retryable`, and counted as *unscored* when it persists.
 */
export class InfrastructureError extends Error {
  override readonly name = 'InfrastructureError';
  readonly code: string;
  readonly boundary: Boundary;
  readonly retryable: boolean;

  constructor(
    message: string,
    details: {
      readonly code: string;
      readonly boundary: Boundary;
      readonly retryable: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.boundary = details.boundary;
    this.retryable = details.retryable;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
