/** The engines behind the TrainingClient seam keep one contract: embedded, and tinker with each kind of server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createEmbeddedEngine } from '../../src/training/engines/embedded/index.js';
import { openTinkerEngine, SERVER_KINDS } from '../../src/training/engines/tinker/index.js';
import { startTinkerServer, type TinkerServer } from '../support/tinker-server.js';
import { CONTRACT_MODEL, describeTrainingClient } from './training-client-contract.js';

describeTrainingClient('the embedded engine', {
  isolatedSnapshots: true,
  create: () => createEmbeddedEngine({ model: CONTRACT_MODEL, seed: 1, threads: 1 }),
});

const servers = new Map<string, TinkerServer>();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deskcheck-tinker-'));
  for (const kind of SERVER_KINDS) {
    servers.set(kind, await startTinkerServer({ kind, model: CONTRACT_MODEL, folder: join(folder, kind) }));
  }
});
afterAll(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

for (const kind of SERVER_KINDS) {
  describeTrainingClient(`the tinker engine, server ${kind},`, {
    // Ours keeps snapshots apart on `skyrl` too; the adapter's word, and so the promise, is "latest".
    isolatedSnapshots: kind === 'hosted',
    create: () =>
      openTinkerEngine({
        server: kind,
        baseUrl: servers.get(kind)!.url,
        baseModel: 'tiny',
        loraRank: kind === 'skyrl' ? 0 : 8,
        maxLength: CONTRACT_MODEL.maxLength,
        vocabSize: CONTRACT_MODEL.vocabSize,
        heartbeatMs: 0,
      }),
  });
}
