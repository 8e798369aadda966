/**
 * Observable Plot without a browser: figures as SVG text, in colours that are CSS variables, so that one figure serves
 * light and dark. Each figure is drawn twice, wide and narrow, and the page shows the one that fits; scaling one drawing
 * down would make its text unreadable on a phone.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml, type Html, html, makeVisible, trustedMarkup } from '../html.js';
import { PALETTE } from '../styles.js';

export { Plot };

/** What a colour means is the same in all figures. */
export const COLOUR = {
  /** By real execution, or right. */
  executed: 'var(--c-executed)',
  /** By simulation. */
  simulated: 'var(--c-simulated)',
  /** What most programs agree on. */
  majority: 'var(--c-majority)',
  /** The shortest response. */
  short: 'var(--c-short)',
  /** pass@k, a first program: what is compared against. */
  plain: 'var(--c-plain)',
  wishful: 'var(--c-wishful)',
  wrong: 'var(--c-wrong)',
  none: 'var(--c-none)',
  ink: 'var(--ink)',
  muted: 'var(--muted)',
} as const;

export interface Canvas {
  /** In CSS pixels. */
  readonly width: number;
  readonly narrow: boolean;
}

const WIDE: Canvas = { width: 950, narrow: false };
const NARROW: Canvas = { width: 340, narrow: true };

export interface FigureOptions {
  /** Read to those who cannot see it. */
  readonly label: string;
  /** Width of the wide drawing; default 950. */
  readonly wideWidth?: number;
}

/** Draws a figure for both widths. */
export function figure(
  { label, wideWidth }: FigureOptions,
  draw: (canvas: Canvas) => Plot.PlotOptions,
): Html {
  const wide = wideWidth === undefined ? WIDE : { ...WIDE, width: wideWidth };
  return html`<div class="plot" role="img" aria-label="${label}"><div class="wide">${render(wide, draw)}</div><div class="narrow">${render(NARROW, draw)}</div></div>`;
}

function render(canvas: Canvas, draw: (canvas: Canvas) => Plot.PlotOptions): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const element = Plot.plot({
    width: canvas.width,
    document: document as never,
    style: {
      fontFamily: 'inherit',
      fontSize: '12px',
      background: 'transparent',
      overflow: 'visible',
    } as never,
    ...draw(canvas),
  });
  // Plot's white halo would glow on a dark page.
  return trustedMarkup(makeVisible(element.outerHTML.replaceAll('--plot-background: white;', '')));
}

/** An axis of shares in [0, 1], shown in percent, from `low` to `high` cut to that range. */
export function shareAxis(low: number, high: number, ticks: number): Plot.ScaleOptions {
  return {
    domain: [Math.max(0, low), Math.min(1, high)],
    ticks,
    tickFormat: (share: number) => `${Math.round(share * 100)}%`,
    label: null,
    tickSize: 0,
    grid: true,
  };
}

/** A figure as a file of its own, with its colours, light and dark, and a card behind it. */
export function standaloneSvg(title: string, width: number, options: Plot.PlotOptions): string {
  const { text } = render({ width, narrow: false }, () => options);
  const height = Number(/ height="([\d.]+)"/.exec(text)?.[1] ?? 0);
  const style = `<style>${PALETTE}text { font-family: var(--sans); }</style>`;
  const card = `<rect width="${width}" height="${height}" fill="var(--card)"/>`;
  return text
    .replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" role="img" ')
    .replace('>', `><title>${escapeHtml(title)}</title>${style}${card}`)
    .concat('\n');
}

/** Moves values apart so that neighbours have at least `gap` between them, keeping their order and staying near. */
export function spread(values: readonly number[], gap: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  // Blocks of touching labels, each placed around the mean of what it holds.
  const blocks: { members: number[]; centre: number }[] = [];
  for (const index of order) {
    blocks.push({ members: [index], centre: values[index]! });
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1]!;
      const before = blocks[blocks.length - 2]!;
      const needed = ((last.members.length + before.members.length) / 2) * gap;
      if (last.centre - before.centre >= needed) break;
      const members = [...before.members, ...last.members];
      blocks.pop();
      const centre = members.reduce((sum, i) => sum + values[i]!, 0) / members.length;
      blocks[blocks.length - 1] = { members, centre };
    }
  }
  const out = new Array<number>(values.length);
  for (const { members, centre } of blocks)
    members.forEach((index, i) => {
      out[index] = centre + (i - (members.length - 1) / 2) * gap;
    });
  return out;
}

/** At most `most` points, each the mean of a run of neighbours; a thousand-step curve need not be a megabyte. */
export function thin(
  series: readonly { readonly x: number; readonly y: number }[],
  most: number,
): { x: number; y: number }[] {
  const size = Math.max(1, Math.ceil(series.length / most));
  const out: { x: number; y: number }[] = [];
  for (let start = 0; start < series.length; start += size) {
    const run = series.slice(start, start + size);
    out.push({
      x: run.reduce((sum, { x }) => sum + x, 0) / run.length,
      y: run.reduce((sum, { y }) => sum + y, 0) / run.length,
    });
  }
  return out;
}
