/**
 * Every differentiable operation against central finite differences of its own forward pass, and each forward
 * pass against a few lines of plain arithmetic.
 */
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../core/rng.js';
import { GraphBuilder, sizeOf, type Value } from './graph-builder.js';
import {
  attention,
  embed,
  gatherRows,
  linear,
  rmsNormalize,
  rotary,
  scaleColumns,
  swiglu,
  targetLogprobs,
  toRows,
  toTokens,
} from './operations.js';
import { openProgram, type TensorMap, tensorOver } from './runtime.js';
import { Tape } from './tape.js';
import { multiply, reduce, reshape } from './tensor-math.js';

interface Case {
  /** Shapes of the differentiable inputs. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  build(tape: Tape, inputs: Readonly<Record<string, Value>>): Value;
}

/** Output of the case and the gradients of sum(output ∘ seed) by each input, for given input values. */
async function evaluate(
  testCase: Case,
  values: Readonly<Record<string, Float32Array>>,
): Promise<{ output: Float32Array; seed: Float32Array; gradients: Record<string, Float32Array> }> {
  const g = new GraphBuilder();
  const tape = new Tape(g);
  const inputs: Record<string, Value> = {};
  for (const [name, shape] of Object.entries(testCase.shapes)) inputs[name] = g.input(name, 'float32', shape);
  const out = testCase.build(tape, inputs);
  const seed = random(out.shape, 'seed');
  tape.accumulate(out, g.constant('float32', out.shape, seed));
  tape.backward();
  g.output(out, 'out');
  const output = new Float32Array(sizeOf(out.shape));
  const outputs: TensorMap = { out: tensorOver(output, out.shape) };
  const gradients: Record<string, Float32Array> = {};
  for (const [name, input] of Object.entries(inputs)) {
    g.output(tape.gradientOf(input) as Value, `gradient.${name}`);
    gradients[name] = new Float32Array(sizeOf(input.shape));
    outputs[`gradient.${name}`] = tensorOver(gradients[name], input.shape);
  }
  const feeds: TensorMap = {};
  for (const [name, shape] of Object.entries(testCase.shapes)) {
    feeds[name] = tensorOver(values[name] as Float32Array, shape);
  }
  const program = await openProgram(g.encode(), 1);
  await program.run(feeds, outputs);
  await program.release();
  return { output, seed, gradients };
}

async function checkGradients(testCase: Case): Promise<void> {
  const values: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(testCase.shapes)) values[name] = random(shape, name);
  const { seed, gradients } = await evaluate(testCase, values);
  const lossAt = async (): Promise<number> => {
    const { output } = await evaluate(testCase, values);
    return output.reduce((sum, value, i) => sum + value * (seed[i] as number), 0);
  };
  const epsilon = 1e-2;
  for (const [name, array] of Object.entries(values)) {
    const step = Math.max(1, Math.floor(array.length / 12));
    for (let i = 0; i < array.length; i += step) {
      const kept = array[i] as number;
      array[i] = kept + epsilon;
      const high = await lossAt();
      array[i] = kept - epsilon;
      const low = await lossAt();
      array[i] = kept;
      const numeric = (high - low) / (2 * epsilon);
      const analytic = (gradients[name] as Float32Array)[i] as number;
      expect(Math.abs(analytic - numeric), `${name}[${i}]: ${analytic} against ${numeric}`).toBeLessThan(
        4e-3 * Math.max(1, Math.abs(numeric)),
      );
    }
  }
}

function random(shape: readonly number[], label: string): Float32Array {
  const rng = createRng(`operations/${label}`);
  return Float32Array.from({ length: sizeOf(shape) }, () => rng.next() * 2 - 1);
}

function rotaryInputs(tape: Tape, rows: number, length: number, half: number) {
  const g = tape.graph;
  const angles = Array.from(
    { length: length * half },
    (_, i) => 0.3 * Math.floor(i / half) + 0.1 * (i % half),
  );
  const table = (f: (angle: number) => number): Value => g.constant('float32', [length, half], angles.map(f));
  return {
    positions: g.constant(
      'int64',
      [rows, length],
      Array.from({ length: rows * length }, (_, i) => (i * 2) % length),
    ),
    cosines: table(Math.cos),
    sines: table(Math.sin),
    negativeSines: table((angle) => -Math.sin(angle)),
  };
}

function causal(tape: Tape, rows: number, length: number): Value {
  const cells = Array.from({ length: rows * length * length }, (_, i) => {
    const cell = i % (length * length);
    return cell % length <= Math.floor(cell / length) ? 0 : -1e9;
  });
  return tape.graph.constant('float32', [rows, 1, length, length], cells);
}

const CASES: Readonly<Record<string, Case>> = {
  'embed, with ids that repeat': {
    shapes: { table: [5, 4] },
    build: (tape, { table }) => embed(tape, table!, tape.graph.constant('int32', [4], [3, 1, 3, 0])),
  },
  'an embedding table used twice': {
    shapes: { table: [5, 4], x: [3, 4] },
    build: (tape, { table, x }) => {
      const rows = embed(tape, table!, tape.graph.constant('int32', [3], [2, 2, 4]));
      return linear(
        tape,
        linear(tape, x!, scaleColumns(tape, table!, tape.graph.constant('float32', [4], [1, 2, 3, 4]))),
        tape.graph.constant('float32', [4, 5], random([4, 5], 'w')),
        rows,
      );
    },
  },
  'linear, with a residual': {
    shapes: { x: [3, 4], weight: [5, 4], residual: [3, 5] },
    build: (tape, { x, weight, residual }) => linear(tape, x!, weight!, residual!),
  },
  'linear, with an input used twice': {
    shapes: { x: [3, 4], a: [5, 4], b: [5, 4] },
    build: (tape, { x, a, b }) => linear(tape, x!, a!, linear(tape, x!, b!)),
  },
  'scaling the columns of a weight': {
    shapes: { weight: [5, 4], gain: [4] },
    build: (tape, { weight, gain }) => scaleColumns(tape, weight!, gain!),
  },
  'RMS normalisation': {
    shapes: { x: [3, 6] },
    build: (tape, { x }) => rmsNormalize(tape, x!, 1e-5),
  },
  SwiGLU: {
    shapes: { gate: [3, 4], up: [3, 4] },
    build: (tape, { gate, up }) => swiglu(tape, gate!, up!),
  },
  'rotary positions': {
    shapes: { x: [2, 3, 8] },
    build: (tape, { x }) => rotary(tape, x!, rotaryInputs(tape, 2, 3, 2)),
  },
  'some of the rows': {
    shapes: { x: [5, 3] },
    build: (tape, { x }) => gatherRows(tape, x!, tape.graph.constant('int32', [3], [4, 0, 3])),
  },
  'tokens to rows and back': {
    shapes: { x: [6, 4] },
    build: (tape, { x }) => {
      const grid = tape.graph.constant('int32', [2, 3], [0, 0, 0, 0, 0, 0]);
      return rmsNormalize(tape, toTokens(tape, toRows(tape, x!, grid), grid), 1e-5);
    },
  },
  'attention with as many key heads as query heads': {
    shapes: { q: [2, 3, 8], k: [2, 3, 8], v: [2, 3, 8] },
    build: (tape, { q, k, v }) =>
      attention(tape, q!, k!, v!, causal(tape, 2, 3), { heads: 2, keyValueHeads: 2, headSize: 4 }),
  },
  'attention with grouped key heads': {
    shapes: { q: [2, 3, 16], k: [2, 3, 8], v: [2, 3, 8] },
    build: (tape, { q, k, v }) =>
      attention(tape, q!, k!, v!, causal(tape, 2, 3), { heads: 4, keyValueHeads: 2, headSize: 4 }),
  },
  'log-probabilities of targets': {
    shapes: { logits: [3, 5] },
    build: (tape, { logits }) => targetLogprobs(tape, logits!, tape.graph.constant('int32', [3], [4, 0, 2])),
  },
};

describe('gradients agree with finite differences', () => {
  for (const [title, testCase] of Object.entries(CASES)) {
    it(title, () => checkGradients(testCase));
  }
});

describe('forward passes', () => {
  it('rotates pairs half a head apart, as rotate_half does', async () => {
    const testCase: Case = {
      shapes: { x: [1, 2, 4] },
      build: (tape, { x }) => {
        const g = tape.graph;
        const at = (f: (angle: number) => number): Value =>
          g.constant('float32', [2, 2], [f(0), f(0), f(1), f(0.5)]);
        return rotary(tape, x!, {
          positions: g.constant('int64', [1, 2], [0, 1]),
          cosines: at(Math.cos),
          sines: at(Math.sin),
          negativeSines: at((angle) => -Math.sin(angle)),
        });
      },
    };
    const { output } = await evaluate(testCase, { x: Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4) });
    const expected = [1, 2, 3, 4];
    expected.push(Math.cos(1) - 3 * Math.sin(1), 2 * Math.cos(0.5) - 4 * Math.sin(0.5));
    expected.push(3 * Math.cos(1) + Math.sin(1), 4 * Math.cos(0.5) + 2 * Math.sin(0.5));
    for (const [i, value] of expected.entries()) expect(output[i]).toBeCloseTo(value, 5);
  });

  it('normalises by the root of the mean square', async () => {
    const testCase: Case = { shapes: { x: [1, 2] }, build: (tape, { x }) => rmsNormalize(tape, x!, 0) };
    const { output } = await evaluate(testCase, { x: Float32Array.of(3, 4) });
    expect(output[0]).toBeCloseTo(3 / Math.sqrt(12.5), 5);
    expect(output[1]).toBeCloseTo(4 / Math.sqrt(12.5), 5);
  });

  it('computes silu(gate)·up', async () => {
    const testCase: Case = {
      shapes: { gate: [1, 1], up: [1, 1] },
      build: (tape, { gate, up }) => swiglu(tape, gate!, up!),
    };
    const { output } = await evaluate(testCase, { gate: Float32Array.of(1.5), up: Float32Array.of(-2) });
    expect(output[0]).toBeCloseTo((1.5 / (1 + Math.exp(-1.5))) * -2, 5);
  });

  it('refuses a reshape that does not fit', () => {
    const g = new GraphBuilder();
    expect(() => reshape(g, g.input('x', 'float32', [2, 3]), [4])).toThrow(RangeError);
  });

  it('broadcasts and reduces with the shapes that onnxruntime finds', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    expect(multiply(g, x, g.scalar(2)).shape).toEqual([2, 3]);
    expect(reduce(g, 'ReduceSum', x, -1).shape).toEqual([2, 1]);
  });
});
