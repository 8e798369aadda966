/**
 * A program written, simulated on the public tests, and fixed until the model submits it.
 *
 *     DESKCHECK_BASE_URL=http://localhost:8000/v1 DESKCHECK_MODEL=my-model npx tsx examples/self-repair.ts
 */
import { createEndpointChatModel, selfRepair, withEndpointManners } from 'deskcheck';

const { DESKCHECK_BASE_URL = 'http://localhost:8000/v1', DESKCHECK_MODEL = 'my-model' } = process.env;

const { program, end, programs } = await selfRepair({
  model: withEndpointManners(
    createEndpointChatModel({ baseUrl: DESKCHECK_BASE_URL, model: DESKCHECK_MODEL }),
  ),
  problem: {
    statement: 'Read a number n and print n times 3.',
    publicTests: [{ input: '4\n', output: '12\n' }],
  },
  maxPrograms: 10,
  seed: 2,
});

for (const [index, { feedback }] of programs.entries()) {
  const passed = feedback?.filter((test) => test.passed).length;
  console.error(`program ${index + 1}: ${feedback ? `passes ${passed} of ${feedback.length}` : 'unchecked'}`);
}
console.error(end);
console.log(program?.source ?? 'no answer held a program');
