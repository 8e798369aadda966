/**
 * What a sandbox process reports about one run, checked and turned into `Execution` and `Trace`.
 *
 * The process ran an untrusted program, so nothing it says is believed beyond its form: a report that does not have
 * the form makes `parseRunReport` return undefined, and the pool treats the process as broken.
 */
import type { Execution, ExecutionOutcome, Trace, TraceEvent } from './types.js';

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
  readonly events: readonly unknown[];
  readonly frames: readonly string[];
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
const KINDS = ['call', 'line', 'return', 'exception'] as const;

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
export function toTrace(report: RunReport): Trace | undefined {
  const execution = toExecution(report);
  const { reply } = report;
  if (reply === undefined) return { events: [], execution, excluded: 'not-handed-over' };
  const recorded = toEvents(reply.events, reply.frames);
  if (recorded === undefined) return undefined;
  const events = report.outcome === 'time-limit' ? withoutInterrupt(recorded) : recorded;
  return { events, execution, ...(reply.excluded === undefined ? {} : { excluded: reply.excluded }) };
}

/** Events as recorder.py writes them (its header has the form): a step in the frame of the event before is short. */
function toEvents(raw: readonly unknown[], frames: readonly string[]): TraceEvent[] | undefined {
  const events: TraceEvent[] = [];
  let frame = -1;
  for (const entry of raw) {
    let event: TraceEvent | undefined;
    if (typeof entry === 'number') event = toLine(frame, frames, entry, NO_CHANGES);
    else if (!Array.isArray(entry)) return undefined;
    else if (typeof entry[1] === 'string') event = toLine(frame, frames, entry[0], toTexts(entry, 1));
    else event = toEvent(entry, frames);
    if (event === undefined) return undefined;
    frame = event.frame;
    events.push(event);
  }
  return events;
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

function toLine(
  frame: number,
  frames: readonly string[],
  line: unknown,
  changes: Readonly<Record<string, string>> | undefined,
): TraceEvent | undefined {
  const name = frames[frame];
  if (name === undefined || !isCount(line) || changes === undefined) return undefined;
  return { kind: 'line', frame, function: name, line, changes };
}

function toEvent(raw: readonly unknown[], frames: readonly string[]): TraceEvent | undefined {
  const [code, frame, line, changed, removed, value] = raw;
  if (!isCount(code) || !isCount(frame) || !isCount(line)) return undefined;
  const kind = KINDS[code];
  const name = frames[frame];
  if (kind === undefined || name === undefined) return undefined;
  const changes = changed === 0 ? NO_CHANGES : Array.isArray(changed) ? toTexts(changed, 0) : undefined;
  if (changes === undefined) return undefined;
  const base = { frame, function: name, line, changes };
  const gone = removed === 0 ? undefined : toNames(removed);
  const rest = gone === undefined ? base : { ...base, removed: gone };
  if (kind === 'call' || kind === 'line') return { kind, ...rest };
  return typeof value === 'string' ? { kind, ...rest, value } : undefined;
}

const NO_CHANGES: Readonly<Record<string, string>> = Object.freeze({});

/** A record of what follows `from`: name, text, name, text, ... */
function toTexts(list: readonly unknown[], from: number): Readonly<Record<string, string>> | undefined {
  if ((list.length - from) % 2 !== 0) return undefined;
  const texts: Record<string, string> = {};
  for (let i = from; i < list.length; i += 2) {
    const [name, text] = [list[i], list[i + 1]];
    if (typeof name !== 'string' || typeof text !== 'string') return undefined;
    texts[name] = text;
  }
  return texts;
}

function toNames(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : undefined;
}

function parseReply(body: Buffer): Reply | undefined {
  const fields = parseObject(body);
  if (fields === undefined || !REPLIED.has(fields['o'])) return undefined;
  const { o, e, r, t, f, x } = fields;
  if (r !== undefined && typeof r !== 'string') return undefined;
  if (t !== undefined && !Array.isArray(t)) return undefined;
  if (f !== undefined && toNames(f) === undefined) return undefined;
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
    events: t ?? [],
    frames: (f as readonly string[] | undefined) ?? [],
    ...(x === undefined ? {} : { excluded: x }),
  };
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
