/**
 * The report of a findings set: Markdown with its claims and numbers, `numbers.csv`, and a figure per SVG file. Pure; the
 * same records give the same files.
 */
import { ARM_METRICS, type MetricName } from '../../evaluation/arm-metrics.js';
import { createSeedStatistics, type SeedEstimate } from '../../evaluation/over-seeds.js';
import { count, duration, percent, percentInterval, points, pointsInterval } from '../format.js';
import type { ReportFile } from '../types.js';
import { drawFigure } from './figures.js';
import { type ComparedClaim, compareClaims, METRIC_NAMES, measureSet, type SetMeasures } from './measures.js';
import type { ArmFacts, SetReportInput } from './types.js';

export interface SetReport {
  readonly files: readonly ReportFile[];
  readonly terminalSummary: string;
}

export function buildSetReport(input: SetReportInput): SetReport {
  const statistics = createSeedStatistics();
  const measures = measureSet(input.runs, statistics);
  const claims = compareClaims(input, measures, statistics);
  const figures = input.figures.map((figure): ReportFile & { readonly title: string } => ({
    name: `${figure.name}.svg`,
    title: figure.title,
    text: drawFigure(figure, input, measures, statistics),
  }));
  const drawn = figures.filter(({ text }) => text !== '');
  const markdown = [
    `# ${input.title}`,
    `\`${input.command}\`, seeds ${input.seeds.join(', ')}. 95% intervals: bootstrap over seeds, and over problems within them (2,000 resamples); differences are paired by problem. ` +
      `Made from ${input.runs.length} of ${input.arms.length * input.seeds.length} runs.`,
    ...(claims.length > 0 ? ['## Claims', claimTable(claims, input)] : []),
    ...drawn.map(({ name, title }) => `![${title}](${name})`),
    '## Numbers',
    numberTable(input, measures),
    '## Runs',
    runTable(input),
  ].join('\n\n');
  return {
    files: [
      { name: 'report.md', text: `${markdown}\n` },
      { name: 'numbers.csv', text: numbersCsv(input, measures, claims) },
      ...drawn.map(({ name, text }) => ({ name, text })),
    ],
    terminalSummary: claims.length > 0 ? claims.map(claimLine).join('\n') : markdown,
  };
}

function claimTable(claims: readonly ComparedClaim[], { arms }: SetReportInput): string {
  const titles = new Map(arms.map(({ name, title }) => [name, title]));
  const side = (arm: string, metric: MetricName, value: SeedEstimate | undefined): string =>
    `${titles.get(arm) ?? arm}, ${ARM_METRICS[metric].title}: ${valueText(metric, value)}`;
  return table(
    ['claim', 'here', 'against', 'difference', 'per seed', '', 'paper'],
    claims.map((claim) => [
      claim.claim,
      side(claim.arm, claim.metric, claim.value),
      side(claim.against.arm, claim.against.metric, claim.other),
      differenceText(claim),
      [...(claim.difference?.perSeed.values() ?? [])]
        .map((value) => pointsOrNumber(claim.metric, value))
        .join(', '),
      claim.verdict,
      claim.paper ?? '',
    ]),
  );
}

function claimLine(claim: ComparedClaim): string {
  return `${claim.verdict.padEnd(10)} ${claim.claim}: ${differenceText(claim)}`;
}

function differenceText({ metric, difference }: ComparedClaim): string {
  if (difference === undefined) return 'not run yet';
  const { value, interval, problems } = difference;
  const range =
    interval === null
      ? ''
      : ` (${pointsOrNumber(metric, interval.low)} to ${pointsOrNumber(metric, interval.high)})`;
  return `${pointsOrNumber(metric, value)}${range}, ${count(problems)} problems`;
}

function numberTable({ arms }: SetReportInput, measures: SetMeasures): string {
  const present = arms.filter(({ name }) => METRIC_NAMES.some((metric) => measures.estimate(name, metric)));
  return table(
    ['', ...present.map(({ title }) => title)],
    METRIC_NAMES.map((metric) => [
      ARM_METRICS[metric].title,
      ...present.map(({ name }) => valueText(metric, measures.estimate(name, metric))),
    ]).filter(([, ...cells]) => cells.some((cell) => cell !== '')),
  );
}

function runTable({ runs, arms }: SetReportInput): string {
  const titles = new Map(arms.map(({ name, title }) => [name, title]));
  return table(
    ['arm', 'seed', 'SFT tokens', 'RL steps', 'RL trained tokens', 'time', 'commit', 'machine'],
    runs.map(({ facts }) => [
      titles.get(facts.arm) ?? facts.arm,
      String(facts.seed),
      facts.sft ? count(facts.sft.tokens) : '',
      facts.rl ? count(facts.rl.steps) : '',
      facts.rl ? count(facts.rl.tokens) : '',
      timeOf(facts),
      facts.commit ?? '',
      `${facts.machine}, Node ${facts.node}`,
    ]),
  );
}

function timeOf({ seconds }: ArmFacts): string {
  return Object.entries(seconds)
    .map(([stage, took]) => `${stage} ${duration(took)}`)
    .join(', ');
}

function valueText(metric: MetricName, value: SeedEstimate | undefined): string {
  if (value === undefined) return '';
  const { interval } = value;
  switch (ARM_METRICS[metric].unit) {
    case 'share':
      return `${percent(value.value)}${interval ? ` (${percentInterval(interval)})` : ''}`;
    case 'points':
      return `${points(value.value)}${interval ? ` (${pointsInterval(interval)})` : ''}`;
    case 'number':
      return `${value.value.toFixed(2)}${interval ? ` (${interval.low.toFixed(2)}–${interval.high.toFixed(2)})` : ''}`;
  }
}

function pointsOrNumber(metric: MetricName, value: number): string {
  return ARM_METRICS[metric].unit === 'number' ? value.toFixed(2) : points(value);
}

function numbersCsv(
  { arms, seeds }: SetReportInput,
  measures: SetMeasures,
  claims: readonly ComparedClaim[],
): string {
  const header = ['kind', 'arm', 'metric', 'against arm', 'against metric', 'value', 'low', 'high'];
  const row = (start: readonly string[], found: SeedEstimate): string =>
    [
      ...start,
      found.value,
      found.interval?.low ?? '',
      found.interval?.high ?? '',
      found.problems,
      found.items,
      ...seeds.map((seed) => found.perSeed.get(seed) ?? ''),
    ].join(',');
  const values = arms.flatMap(({ name }) =>
    METRIC_NAMES.flatMap((metric) => {
      const found = measures.estimate(name, metric);
      return found ? [row(['value', name, metric, '', ''], found)] : [];
    }),
  );
  const differences = claims.flatMap(({ arm, metric, against, difference }) =>
    difference ? [row(['difference', arm, metric, against.arm, against.metric], difference)] : [],
  );
  const columns = [...header, 'problems', 'items', ...seeds.map((seed) => `seed ${seed}`)];
  return `${[columns.join(','), ...values, ...differences].join('\n')}\n`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}
