/**
 * A real SkyRL Tinker server on CPU, in a process group of its own: `uv run` in this folder, JAX backend. State (database and
 * checkpoints) is in `folder`, so a server that was killed is started again on it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface SkyrlServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

export async function startSkyrl(model: string, folder: string, port?: number): Promise<SkyrlServer> {
  await mkdir(folder, { recursive: true });
  const chosen = port ?? (await freePort());
  const log = await open(join(folder, 'server.log'), 'a');
  const backend = {
    max_lora_adapters: 4,
    max_lora_rank: 16,
    train_micro_batch_size: 8,
    sample_max_num_sequences: 64,
  };
  const child = spawn(
    process.env['UV'] ?? 'uv',
    [
      ...['run', '--extra', 'tinker', '--extra', 'jax', '-m', 'skyrl.tinker.api'],
      ...['--base-model', model, '--backend', 'jax', '--host', '127.0.0.1', '--port', String(chosen)],
      ...['--backend-config', JSON.stringify(backend)],
      ...['--database-url', `sqlite:///${join(folder, 'tinker.db')}`],
      ...['--checkpoints-base', join(folder, 'checkpoints')],
    ],
    {
      cwd: import.meta.dirname,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...process.env, JAX_PLATFORMS: 'cpu', HF_HUB_OFFLINE: '1' },
    },
  );
  await log.close();
  const url = `http://127.0.0.1:${chosen}`;
  const kill = (): Promise<void> => killGroup(child);
  try {
    await untilHealthy(url, child);
  } catch (error) {
    await kill();
    throw error;
  }
  return { url, port: chosen, kill, [Symbol.asyncDispose]: kill };
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 240; tries++) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}; see its log`);
    const healthy = await fetch(`${url}/api/v1/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error('the server did not start within four minutes');
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  process.kill(-child.pid, 'SIGKILL');
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
