/**
 * An application that uses the AI SDK changes one line: its model answers with the best of several programs.
 *
 *     DESKCHECK_BASE_URL=http://localhost:8000/v1 DESKCHECK_MODEL=my-model npx tsx examples/ai-sdk-application.ts
 */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText } from 'ai';
import { withSelfVerification } from 'deskcheck';

const { DESKCHECK_BASE_URL = 'http://localhost:8000/v1', DESKCHECK_MODEL = 'my-model' } = process.env;
const provider = createOpenAICompatible({ name: 'local', baseURL: DESKCHECK_BASE_URL, includeUsage: true });

// Before: const model = provider.chatModel(DESKCHECK_MODEL);
const model = withSelfVerification(provider.chatModel(DESKCHECK_MODEL), { samples: 6 });

const { text, providerMetadata, usage } = await generateText({
  model,
  seed: 3,
  prompt: `Write a Python program in a \`\`\`python block: read a number n and print n times 5.

Input:
\`\`\`
7
\`\`\`
Output:
\`\`\`
35
\`\`\`
`,
});

console.log(text);
console.error(JSON.stringify(providerMetadata?.['deskcheck']), usage.outputTokens, 'tokens');
