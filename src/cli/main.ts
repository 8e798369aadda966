#!/usr/bin/env node
/**
 * The `deskcheck` command. Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 infrastructure.
 */
import { CommanderError } from 'commander';
import { InfrastructureError, messageOf, UsageError } from '../core/errors.js';
import { createProgram } from './program.js';

const program = createProgram();

// A reader that has seen enough (`deskcheck trace … | head`) is no error, and no reason to stop a run.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** One clear line on stderr; the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    process.stderr.write(`deskcheck: ${error.message}\n`);
    return 2;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('deskcheck: stopped; the same command goes on from here\n');
    return 130;
  }
  if (error instanceof InfrastructureError) {
    process.stderr.write(`deskcheck: ${error.message} (${error.boundary}: ${error.code})\n`);
    return 3;
  }
  if (isSystemError(error)) {
    process.stderr.write(`deskcheck: ${error.message}\n`);
    return 3;
  }
  process.stderr.write(`deskcheck: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
  return 3;
}

/** Of a file or a connection: its message says what was refused where, and the stack nothing more. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
