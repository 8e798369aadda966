/**
 * The public surface of Deskcheck as a library. A name is here because somebody outside needs it.
 */
export { InfrastructureError, UsageError } from './core/errors.js';
export {
  type PredictOutputOutcome,
  type PredictOutputSpec,
  predictOutput,
} from './episode/environments/predict-output.js';
export { type SelfRlefOutcome, type SelfRlefSpec, selfRlef } from './episode/environments/self-rlef.js';
export { type SolveOutcome, type SolveSpec, solve } from './episode/environments/solve.js';
export { type PlayOptions, play } from './episode/play.js';
export type { PromptStyle } from './episode/prompt-style.js';
export { paperStyle } from './episode/prompts/paper.js';
export { terseStyle } from './episode/prompts/terse.js';
export { rollout } from './episode/rollout.js';
export type { Episode, Played, Request, Response, Trajectory } from './episode/types.js';
export { type ComparatorName, outputsMatch } from './execution/comparators.js';
export { formatTrace, type TraceFormat } from './execution/trace-format.js';
export type { Execution, Sandbox, Trace, TraceEvent } from './execution/types.js';
export { createWasmSandbox, type WasmSandboxOptions } from './execution/wasm/wasm-sandbox.js';
export { type ChatTokenizer, openChatTokenizer } from './model/tokenizer.js';
export type { ChatMessage, ChatModel, ChatRequest, ChatResponse, Sampler } from './model/types.js';
export { narrateByLine } from './nlex/line-narrator.js';
export type { Limits, Problem, Program, ProgramInput, TestCase } from './problem/types.js';
export { runRecipe } from './recipe/run-recipe.js';
export { type Recipe, readRecipe } from './recipe/schema.js';
export {
  createEmbeddedEngine,
  openEmbeddedEngine,
  openEmbeddedSampler,
} from './training/engines/embedded/index.js';
export type { AdamParams, Datum, Loss, TrainingClient } from './training/types.js';
