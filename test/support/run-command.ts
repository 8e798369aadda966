/** The built `deskcheck` command as a process of its own, which a test can kill outright. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const COMMAND = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Ended {
  /** null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly ended: Promise<Ended>;
  kill(): void;
}

export function startCommand(args: readonly string[]): RunningCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return {
    ended: new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr }))),
    kill: () => void child.kill('SIGKILL'),
  };
}

export function runCommand(args: readonly string[]): Promise<Ended> {
  return startCommand(args).ended;
}
