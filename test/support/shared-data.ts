/** The shared data folder that $DESKCHECK_DATA names; tests that need it skip, with this reason, where it is absent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const folder = process.env['DESKCHECK_DATA'];

/** Why shared data cannot be used, or undefined when it can. */
export const noSharedData: string | undefined =
  folder === undefined
    ? 'DESKCHECK_DATA is not set'
    : existsSync(folder)
      ? undefined
      : `DESKCHECK_DATA names ${folder}, which does not exist`;

/** The rows of a gzipped JSON lines file of the shared folder. */
export function readSharedRows<Row>(path: string): Row[] {
  const text = gunzipSync(readFileSync(join(folder ?? '', path))).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

/** A JSON file of the shared folder. */
export function readSharedJson<Value>(path: string): Value {
  return JSON.parse(readFileSync(join(folder ?? '', path), 'utf8')) as Value;
}
