/**
 * What can go wrong between us and a model: an `InfrastructureError` that may know how long to wait, and the one error that
 * is nobody's fault, a spending limit that is used up.
 */
import { InfrastructureError } from '../core/errors.js';

/** `code`: `http-<status>`, `unreachable`, `timeout`, `cut-stream`, `invalid-response`, `empty-response`, … */
export class ModelError extends InfrastructureError {
  /** What the endpoint asked for (Retry-After). */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: {
      readonly code: string;
      readonly retryable: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, { ...details, boundary: 'model' });
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * The limit on tokens does not allow another call. Not an `InfrastructureError`, so that no driver retries it or counts an
 * episode as unscored: the work stops, and goes on under a higher limit.
 */
export class SpendingLimitError extends Error {
  override readonly name = 'SpendingLimitError';
}

/** Milliseconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date) or of `retry-after-ms`. */
export function readRetryAfter(
  headers: Readonly<Record<string, string>> | undefined,
  nowMs = Date.now(),
): number | undefined {
  const ms = Number(headers?.['retry-after-ms'] ?? Number.NaN);
  if (ms >= 0) return ms;
  const text = headers?.['retry-after'];
  if (text === undefined || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (seconds >= 0) return seconds * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
