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
export {
  createEndpointChatModel,
  createLanguageModelChatModel,
  type EndpointOptions,
} from './model/language-model.js';
export { createMeter, type Meter, type Spending, type TokenPrice } from './model/meter.js';
export { ModelError, SpendingLimitError } from './model/model-error.js';
export { openRecordedModel } from './model/recorded-model.js';
export { openResponseCache, type ResponseCache, withCache } from './model/response-cache.js';
export type { AnyModel } from './model/to-chat-model.js';
export { type ChatTokenizer, openChatTokenizer } from './model/tokenizer.js';
export type { ChatMessage, ChatModel, ChatRequest, ChatResponse, Sampler } from './model/types.js';
export {
  type EndpointManners,
  type RetryOptions,
  withConcurrencyLimit,
  withEndpointManners,
  withRetry,
  withTimeout,
} from './model/wrappers.js';
export { narrateByLine } from './nlex/line-narrator.js';
export { readExamples } from './problem/read-examples.js';
export { readProblems } from './problem/read-problems.js';
export type { Limits, Problem, Program, ProgramInput, TestCase } from './problem/types.js';
export { type OpenChatModel, type OpenModelOptions, openChatModel } from './recipe/open-model.js';
export { runRecipe } from './recipe/run-recipe.js';
export { type Recipe, readRecipe } from './recipe/schema.js';
export type { Vote } from './selection/early-stop.js';
export { type SelfRepaired, type SelfRepairOptions, selfRepair } from './selection/self-repair.js';
export {
  type Candidate,
  type ProblemToSolve,
  type SelfVerified,
  type SelfVerifyEvent,
  type SelfVerifyOptions,
  selfVerify,
} from './selection/self-verify.js';
export {
  type WithSelfVerificationOptions,
  withSelfVerification,
} from './selection/with-self-verification.js';
export {
  createEmbeddedEngine,
  openEmbeddedEngine,
  openEmbeddedSampler,
} from './training/engines/embedded/index.js';
export {
  openTinkerEngine,
  openTinkerSampler,
  type ServerKind,
  type TinkerOptions,
} from './training/engines/tinker/index.js';
export type { AdamParams, Datum, Loss, TrainingClient } from './training/types.js';
