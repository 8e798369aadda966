/** The built `deskcheck` command as a process of its own, which a test can kill outright, at a given output too. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const COMMAND = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Ended {
  /** null after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both as they came. */
  readonly output: string;
}

export interface RunningCommand {
  readonly ended: Promise<Ended>;
  kill(): void;
}

/** Kills it outright as soon as its output shows `killAt`. */
export function startCommand(args: readonly string[], killAt?: string): RunningCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, output] = ['', '', ''];
  const seen = (chunk: Buffer): string => {
    const text = chunk.toString('utf8');
    output += text;
    if (killAt !== undefined && output.includes(killAt)) child.kill('SIGKILL');
    return text;
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += seen(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += seen(chunk);
  });
  return {
    ended: new Promise((done) => child.on('close', (code) => done({ code, stdout, stderr, output }))),
    kill: () => void child.kill('SIGKILL'),
  };
}

export function runCommand(args: readonly string[], killAt?: string): Promise<Ended> {
  return startCommand(args, killAt).ended;
}
