/**
 * Reverse-mode differentiation over a graph under construction: each operation, as it adds its forward
 * nodes, records how to add its backward nodes.
 * Left out: second derivatives, and gradients of anything but float32.
 */
import type { GraphBuilder, Value } from './graph-builder.js';
import { add } from './tensor-math.js';

export class Tape {
  readonly graph: GraphBuilder;
  private readonly gradients = new Map<string, Value>();
  private readonly steps: (() => void)[] = [];

  constructor(graph: GraphBuilder) {
    this.graph = graph;
  }

  /** Registers the backward step of an operation that has just been added. */
  record(backward: () => void): void {
    this.steps.push(backward);
  }

  /** The gradient with respect to `value` gathered so far. */
  gradientOf(value: Value): Value | undefined {
    return this.gradients.get(value.name);
  }

  /** Adds a contribution to the gradient of `value`. */
  accumulate(value: Value, gradient: Value): void {
    const known = this.gradients.get(value.name);
    this.gradients.set(value.name, known === undefined ? gradient : add(this.graph, known, gradient));
  }

  /** Sets the gradient of `value` to one that already contains what was gathered (a Gemm's C input, say). */
  replace(value: Value, gradient: Value): void {
    this.gradients.set(value.name, gradient);
  }

  /** Adds all backward nodes, last operation first. Seed with `accumulate` before. */
  backward(): void {
    for (const step of this.steps.reverse()) step();
    this.steps.length = 0;
  }
}
