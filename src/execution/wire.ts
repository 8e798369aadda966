/**
 * What a sandbox process reports about one run, checked and turned into `Execution` and `Trace`.
 *
 * The process ran an untrusted program, so nothing it says is believed beyond its form: a report that does not have
 * the form makes `parseRunReport` return undefined, and the pool treats the process as broken.
 */

import { MalformedError, type MarshalRecord, type MarshalValue, readMarshal } from './marshal.js';
import type { Unprintable } from './python-repr.js';
import { readEvents } from './trace-reader.js';
import type { Execution, ExecutionOutcome, Trace, TraceCaps, TraceEvent } from './types.js';

/** How a run ended, as the process says: an outcome, or one of the ways in which the program ended the interpreter. */
type ReportedOutcome =
  | Exclude<ExecutionOutcome, 'completed' | 'runtime-error'>
  | 'returned'
  | 'exit'
  | 'violation'
  | 'stack-overflow'
  | 'signal'
  | 'broken';

export interface RunReport {
  readonly id: number;
  readonly index: number;
  readonly outcome: ReportedOutcome;
  readonly detail: string;
  readonly stdout: string;
  readonly cpuTimeMs: number;
  readonly wallTimeMs: number;
  readonly memoryBytes: number;
  /** The process ends after this report and has to be replaced. */
  readonly spoiled: boolean;
  readonly reply: Reply | undefined;
}

/** What harness.py returned. */
interface Reply {
  readonly outcome: 'completed' | 'runtime-error' | 'memory-limit';
  readonly error?: { readonly type: string; readonly message: string; readonly line?: number };
  readonly result?: string;
  readonly events: readonly MarshalValue[];
  readonly unprintable: Unprintable;
  readonly excluded?: 'too-many-events' | 'too-large';
}

const REPORTED = new Set<string>([
  'returned',
  'exit',
  'violation',
  'stack-overflow',
  'signal',
  'broken',
  'time-limit',
  'memory-limit',
  'output-limit',
]);
const REPLIED = new Set<unknown>(['completed', 'runtime-error', 'memory-limit']);

type Fields = Readonly<Record<string, unknown>>;

/** Reads one report; undefined when it is not well-formed. */
export function parseRunReport(header: Buffer, body: Buffer): RunReport | undefined {
  const fields = parseObject(header);
  if (fields === undefined || fields['kind'] !== 'run') return undefined;
  const { id, index, outcome, detail, stdout, cpuTimeMs, wallTimeMs, memoryBytes, spoiled } = fields;
  if (!isCount(id) || !isCount(index) || typeof outcome !== 'string' || !REPORTED.has(outcome))
    return undefined;
  if (typeof detail !== 'string' || typeof stdout !== 'string' || typeof spoiled !== 'boolean')
    return undefined;
  if (!isAmount(cpuTimeMs) || !isAmount(wallTimeMs) || !isAmount(memoryBytes)) return undefined;
  const reply = body.length > 0 ? parseReply(body) : undefined;
  const broken = outcome === 'returned' && reply === undefined;
  return {
    id,
    index,
    outcome: broken ? 'broken' : (outcome as ReportedOutcome),
    detail,
    stdout,
    cpuTimeMs,
    wallTimeMs,
    memoryBytes,
    spoiled,
    reply,
  };
}

/** The execution a report tells of; the report must not be `broken`. */
export function toExecution(report: RunReport): Execution {
  const used = {
    stdout: report.stdout,
    cpuTimeMs: report.cpuTimeMs,
    wallTimeMs: report.wallTimeMs,
    ...(report.memoryBytes > 0 ? { peakMemoryBytes: report.memoryBytes } : {}),
  };
  switch (report.outcome) {
    case 'returned': {
      const { outcome, error, result } = report.reply as Reply;
      return {
        outcome,
        ...used,
        ...(result === undefined ? {} : { result }),
        ...(error === undefined ? {} : { error }),
      };
    }
    case 'exit':
      if (report.detail === '0') return { outcome: 'completed', ...used };
      return { outcome: 'runtime-error', ...used, error: { type: 'SystemExit', message: report.detail } };
    case 'violation':
      return {
        outcome: 'runtime-error',
        ...used,
        error: { type: 'SandboxViolation', message: `the program reached for ${report.detail}` },
      };
    case 'signal':
      return { outcome: 'runtime-error', ...used, error: { type: 'Signal', message: report.detail } };
    case 'stack-overflow':
      return {
        outcome: 'runtime-error',
        ...used,
        error: { type: 'RecursionError', message: 'the interpreter ran out of stack' },
      };
    case 'time-limit':
    case 'memory-limit':
    case 'output-limit':
      return { outcome: report.outcome, ...used };
    case 'broken':
      throw new TypeError('a broken report has no execution');
    default:
      return report.outcome satisfies never;
  }
}

/** The trace a report tells of. Events that are not well-formed make it undefined. */
export function toTrace(report: RunReport, caps: TraceCaps): Trace | undefined {
  const execution = toExecution(report);
  const { reply } = report;
  if (reply === undefined) return { events: [], execution, excluded: 'not-handed-over' };
  const recorded = orMalformed(() => readEvents(reply.events, reply.unprintable, caps));
  if (recorded === undefined) return undefined;
  const events = report.outcome === 'time-limit' ? withoutInterrupt(recorded.events) : recorded.events;
  const excluded = recorded.excluded ?? reply.excluded;
  return { events, execution, ...(excluded === undefined ? {} : { excluded }) };
}

/**
 * The events before we interrupted the program at its time limit. The interrupt goes up through the frames, so its
 * exceptions, read backwards, are in ever newer frames.
 */
function withoutInterrupt(events: readonly TraceEvent[]): readonly TraceEvent[] {
  let end = events.length;
  let frame = -1;
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i] as TraceEvent;
    if (event.kind !== 'exception' || event.value !== 'KeyboardInterrupt') continue;
    if (event.frame <= frame) break;
    end = i;
    frame = event.frame;
  }
  return events.slice(0, end);
}

function parseReply(body: Buffer): Reply | undefined {
  const fields = orMalformed(() => readMarshal(body));
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields) || Buffer.isBuffer(fields))
    return undefined;
  const { o, e, r, t, u, x } = fields as MarshalRecord;
  if (!REPLIED.has(o)) return undefined;
  if (r !== undefined && typeof r !== 'string') return undefined;
  if (t !== undefined && !Array.isArray(t)) return undefined;
  if (u !== undefined && typeof u !== 'string') return undefined;
  if (x !== undefined && x !== 'too-many-events' && x !== 'too-large') return undefined;
  let error: Reply['error'];
  if (e !== undefined) {
    if (!Array.isArray(e) || typeof e[0] !== 'string' || typeof e[1] !== 'string') return undefined;
    const line: unknown = e[2];
    error = { type: e[0], message: e[1], ...(typeof line === 'number' ? { line } : {}) };
  }
  return {
    outcome: o as Reply['outcome'],
    ...(error === undefined ? {} : { error }),
    ...(r === undefined ? {} : { result: r }),
    events: (t as readonly MarshalValue[] | undefined) ?? [],
    unprintable: new Set(u),
    ...(x === undefined ? {} : { excluded: x }),
  };
}

/** What a reading gives; undefined where the bytes do not have the form. */
function orMalformed<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function parseObject(bytes: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isAmount(value: unknown): value is number {
  return Number.isFinite(value) && (value as number) >= 0;
}
