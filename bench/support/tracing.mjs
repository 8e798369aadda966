/**
 * The recorder against a plain tracer (plain_tracer.py), from the program to events in JavaScript.
 *
 * The recorder leaves the writing of values to the reader (src/execution/literals.ts), so its time is that of recording, of
 * packing and of reading; the plain tracer's with it is that of recording, JSON in Python and JSON here. Three ratios of
 * events per second, over all programs of a group together:
 * - `ratio`: both all the way, to events in JavaScript;
 * - `recorded`: recording alone, inside Python;
 * - `strict`: the recorder all the way, the plain tracer's recording alone.
 *
 * A program counts as recorded alike when every event has the same kind, line, function, changed names, texts and value;
 * texts that both write in angle brackets (functions, objects) are not compared, since `repr` puts addresses there. Where a
 * program holds objects of its own classes, the recorder writes their fields and the plain tracer does not, and long values it
 * shortens: those programs are counted apart.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readMarshal } from '../../dist/execution/marshal.js';
import { readEvents } from '../../dist/execution/trace-reader.js';

const CAPS = { maxEvents: 10_000, maxBytes: 1_000_000 };
const SIZES = [5, 30, 100, 1000, CAPS.maxEvents + 1];
const READINGS = 5;
const READING_MICROSECONDS = 3000;

/** `{ groups, programs }`; of the real programs each `every`-th. */
export function measureTracing(python, seconds, every) {
  const script = fileURLToPath(new URL('../plain_tracer.py', import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, ['-B', script, String(seconds), String(every)], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`plain_tracer.py: ${stderr}`);
  const lines = stdout
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{"kind"'))
    .map((line) => JSON.parse(line));
  const rows = lines.filter((line) => !line.leftOut);
  for (const row of rows) row.report = Buffer.from(row.reply, 'base64');
  for (let round = 0; round < 3; round++) for (const row of rows) read(row); // the reader as warm as in a long run
  const programs = rows.map(toProgram);
  const groups = programs.filter(({ kind }) => kind === 'small').map((row) => summary(row.program, [row]));
  for (const kind of new Set(programs.map((row) => row.kind))) {
    if (kind === 'small') continue;
    const of = programs.filter((row) => row.kind === kind);
    const same = of.filter((row) => row.sameEvents === 1);
    groups.push(summary(kind, same));
    for (let i = 0; i + 1 < SIZES.length; i++) {
      const group = same.filter(({ events }) => events >= SIZES[i] && events < SIZES[i + 1]);
      groups.push(summary(`${kind}, ${SIZES[i]} to ${SIZES[i + 1] - 1} events`, group));
    }
    groups.push(
      summary(
        `${kind}, not recorded alike`,
        of.filter((row) => row.sameEvents < 1),
      ),
    );
    const leftOut = lines.filter((line) => line.kind === kind && line.leftOut).length;
    if (leftOut > 0) groups.push({ programs: `${kind}, left out`, count: leftOut });
  }
  return { groups: groups.filter(({ count }) => count > 0), programs };
}

function read(row) {
  const { t, u } = readMarshal(row.report);
  return readEvents(t, new Set(u), CAPS).events;
}

function toProgram({ kind, program, events, plain, ...row }) {
  const json = JSON.stringify(plain);
  const recorder = row.recorderSeconds + row.recorderPackSeconds + secondsOf(() => read(row));
  return {
    ...{ kind, program, events, sameEvents: alike(read(row), plain) },
    recorded: { plain: row.plainSeconds, recorder: row.recorderSeconds },
    whole: { plain: row.plainSeconds + row.plainPackSeconds + secondsOf(() => JSON.parse(json)), recorder },
  };
}

/** CPU time of one run, on average: also of the collection of what it leaves behind. */
function secondsOf(run) {
  const started = process.cpuUsage();
  for (let runs = 1; ; runs++) {
    run();
    const { user, system } = process.cpuUsage(started);
    if (runs >= READINGS && user + system >= READING_MICROSECONDS) return (user + system) / runs / 1e6;
  }
}

/** The share of events that agree. */
function alike(ours, plain) {
  let same = 0;
  for (let i = 0; i < Math.min(ours.length, plain.length); i++) {
    const [kind, line, changes, name, value] = plain[i];
    const { kind: ourKind, line: ourLine, changes: ourChanges, function: ourName, value: ourValue } = ours[i];
    const names = Object.keys(changes);
    same += Number(
      kind === ourKind &&
        name === ourName &&
        (line === ourLine || (kind === 'call' && name === '<module>')) && // its first line; 0 for sys.settrace
        (kind !== 'return' || sameText(value, ourValue)) &&
        names.length === Object.keys(ourChanges).length &&
        names.every((key) => sameText(changes[key], ourChanges[key])),
    );
  }
  return same / Math.max(ours.length, plain.length, 1);
}

function sameText(a, b) {
  return a === b || (a?.includes('<') && b?.includes('<')) === true;
}

function summary(name, rows) {
  const sum = (of) => rows.reduce((total, row) => total + of(row), 0);
  const events = sum((row) => row.events);
  const recorder = sum((row) => row.whole.recorder);
  const plain = sum((row) => row.whole.plain);
  const logs = sum((row) => Math.log(row.whole.plain / row.whole.recorder));
  const two = (value) => Number(value.toFixed(2));
  return {
    ...{ programs: name, count: rows.length, events },
    plainEventsPerSecond: Math.round(events / plain),
    recorderEventsPerSecond: Math.round(events / recorder),
    ratio: two(plain / recorder),
    geometricMean: two(Math.exp(logs / rows.length)),
    recorded: two(sum((row) => row.recorded.plain) / sum((row) => row.recorded.recorder)),
    strict: two(sum((row) => row.recorded.plain) / recorder),
  };
}
