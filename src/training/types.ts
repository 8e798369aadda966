/**
 * The TrainingClient seam, in the names and meaning of the Tinker API (thinking-machines-lab/tinker).
 * Above it: batching by token budget, advantages, staleness, task mixing, schedules. Below it: packing,
 * padding, bucketing, and the arithmetic.
 */
import type { PolicyVersion, Sampler } from '../model/types.js';

/**
 * One training sequence. Inputs and targets are already shifted against each other: `lossInputs.targetTokens[t]`
 * is the token to be predicted after `tokens[0..t]`. All arrays have the same length.
 */
export interface Datum {
  /** [T] input token ids. */
  readonly tokens: readonly number[];
  readonly lossInputs: {
    /** [T] token ids. */
    readonly targetTokens: readonly number[];
    /** [T] for `cross_entropy`: the weight of each target's loss; 0 leaves it out. For the policy losses it masks. Default 1. */
    readonly weights?: readonly number[];
    /** [T] policy losses: log-probability of each target when it was sampled. */
    readonly logprobs?: readonly number[];
    /** [T] policy losses: advantage of each target; 0 leaves it out. */
    readonly advantages?: readonly number[];
  };
}

/**
 * Each loss is a *sum* over the tokens of all data; the caller divides beforehand.
 * - `cross_entropy`: −w·log p
 * - `importance_sampling`: −w·ρ·A with ρ = exp(log p − logprobs)
 * - `ppo`: −w·min(ρA, clip(ρ, clipLow, clipHigh)·A); the thresholds are ratios (CWM: 0.8 and 1.25)
 */
export type Loss =
  | { readonly kind: 'cross_entropy' }
  | { readonly kind: 'importance_sampling' }
  | { readonly kind: 'ppo'; readonly clipLow: number; readonly clipHigh: number };

export interface AdamParams {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Decoupled (AdamW); matrices only, never norms. */
  readonly weightDecay: number;
  /** Largest global gradient norm; 0 switches clipping off. */
  readonly gradClipNorm: number;
}

export interface ForwardResult {
  /** Per datum [T]: log-probability of each target under the current weights. */
  readonly logprobs: readonly Float32Array[];
}

export interface ForwardBackwardResult extends ForwardResult {
  /** The loss summed over all tokens. */
  readonly lossSum: number;
}

export interface OptimStepResult {
  /** Global norm of the accumulated gradient before clipping. */
  readonly gradNorm: number;
  readonly version: PolicyVersion;
}

/** Calls are queued in order: the next may be sent before the last has answered. */
export interface TrainingClient {
  /** Longest datum that the engine takes, in tokens. */
  readonly maxLength: number;
  readonly version: PolicyVersion;
  /** Accumulates gradients; consumed by `optimStep`. Throws UsageError for data of a wrong shape. */
  forwardBackward(data: readonly Datum[], loss: Loss): Promise<ForwardBackwardResult>;
  forward(data: readonly Datum[]): Promise<ForwardResult>;
  /** Applies and clears the accumulated gradients; raises the version by one. */
  optimStep(adam: AdamParams): Promise<OptimStepResult>;
  /** A sampler on a copy of the current weights, stamped with their version; the caller disposes of it. */
  saveWeightsForSampler(): Promise<Sampler>;
  /** Weights, optimizer state and version, to a folder. */
  saveState(folder: string): Promise<void>;
  loadState(folder: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
