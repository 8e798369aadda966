/**
 * The best of eight programs, chosen without running any: sample them, let the model simulate each on the public tests, and
 * take the one that passes most of them.
 *
 *     DESKCHECK_BASE_URL=http://localhost:8000/v1 DESKCHECK_MODEL=my-model npx tsx examples/self-verify.ts
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { selfVerify } from 'deskcheck';

const { DESKCHECK_BASE_URL = 'http://localhost:8000/v1', DESKCHECK_MODEL = 'my-model' } = process.env;
const provider = createOpenAICompatible({ name: 'local', baseURL: DESKCHECK_BASE_URL, includeUsage: true });

const { program, candidates, predictionsSaved, spending } = await selfVerify({
  model: provider.chatModel(DESKCHECK_MODEL),
  problem: {
    statement: 'Read a number n and print n times 2.',
    publicTests: [
      { input: '3\n', output: '6\n' },
      { input: '10\n', output: '20\n' },
    ],
  },
  samples: 8,
  seed: 1,
  onProgress: (event) => {
    if (event.kind === 'sampled') console.error(`${event.done} of ${event.of} programs`);
  },
});

console.log(program?.source ?? 'no sample held a program');
console.error(candidates.map((one) => (one.kind === 'program' ? one.score.least : one.kind)).join(' '));
console.error(`${spending.completionTokens} tokens, ${predictionsSaved} predictions saved`);
