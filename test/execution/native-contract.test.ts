/** The sandbox contract for `native` and `unsafe-process`; skipped, with the reason, where they cannot work. */
import { describe, it } from 'vitest';
import {
  createNativeSandbox,
  createUnsafeProcessSandbox,
} from '../../src/execution/native/native-sandbox.js';
import { probeBubblewrap, probePython } from '../../src/execution/native/probe.js';
import { describeSandbox } from './sandbox-contract.js';

const python = probePython();
const bubblewrap = python.kind === 'found' ? probeBubblewrap(python.found) : python;

if (bubblewrap.kind === 'found') describeSandbox('native', () => createNativeSandbox({ processes: 2 }));
else describe.skip(`native sandbox (${bubblewrap.reason})`, () => it('works', () => {}));

if (python.kind === 'found' && process.platform === 'linux') {
  describeSandbox(
    'unsafe-process',
    () => createUnsafeProcessSandbox({ processes: 2 }),
    new Set(['confinement']),
  );
} else describe.skip('unsafe-process sandbox (needs Linux and Python)', () => it('works', () => {}));
