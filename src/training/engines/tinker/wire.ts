/**
 * The Tinker API's JSON, as far as we use it: what is sent, and schemas for what comes back. Servers may add fields.
 *
 * Source: thinking-machines-lab/tinker@d595dc2 (src/tinker/types), NovaSky-AI/SkyRL@a956457 (skyrl/tinker/api.py, types.py).
 * Left out: images, telemetry, top-k prompt log-probabilities, protobuf bodies (SkyRL answers JSON unless asked for them).
 */
import { z } from 'zod';

export interface TensorData {
  readonly data: readonly number[];
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly number[];
}

export interface WireDatum {
  readonly model_input: {
    readonly chunks: readonly { readonly type: 'encoded_text'; readonly tokens: readonly number[] }[];
  };
  readonly loss_fn_inputs: Readonly<Record<string, TensorData>>;
}

export interface WireLoss {
  readonly loss_fn: 'cross_entropy' | 'importance_sampling' | 'ppo' | 'cispo';
  readonly loss_fn_config?: { readonly clip_low_threshold: number; readonly clip_high_threshold: number };
}

export interface WireAdam {
  readonly learning_rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weight_decay: number;
  readonly grad_clip_norm?: number;
}

export const capabilitiesAnswer = z.object({
  supported_models: z.array(
    z.object({ model_name: z.string().nullish(), max_context_length: z.number().nullish() }),
  ),
});
export const sessionAnswer = z.object({ session_id: z.string() });
export const acceptedAnswer = z.object({ request_id: z.union([z.string(), z.number().transform(String)]) });
export const createModelAnswer = z.object({ model_id: z.string() });
export const forwardAnswer = z.object({
  loss_fn_outputs: z.array(z.object({ logprobs: z.object({ data: z.array(z.number()) }).optional() })),
  metrics: z.record(z.string(), z.number()).nullish(),
});
export const optimAnswer = z.object({ metrics: z.record(z.string(), z.number()).nullish() });
export const pathAnswer = z.object({ path: z.string() });
export const samplerAnswer = z.object({
  path: z.string().nullish(),
  sampling_session_id: z.string().nullish(),
});
export const anyAnswer = z.unknown();
export const sampleAnswer = z.object({
  sequences: z
    .array(
      z.object({
        tokens: z.array(z.number().int()),
        logprobs: z.array(z.number()),
        stop_reason: z.string(),
      }),
    )
    .min(1),
});
/** A future that is not there yet, or has failed, as the hosted service says it with status 200. */
export const tryAgainAnswer = z.object({ type: z.literal('try_again') });
export const failedAnswer = z.object({ error: z.string(), category: z.string().nullish() });

export function integers(data: readonly number[]): TensorData {
  return { data, dtype: 'int64', shape: [data.length] };
}

export function floats(data: readonly number[]): TensorData {
  return { data, dtype: 'float32', shape: [data.length] };
}

export function textInput(tokens: readonly number[]): WireDatum['model_input'] {
  return { chunks: [{ type: 'encoded_text', tokens }] };
}
