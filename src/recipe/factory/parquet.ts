/**
 * Parts of JSON lines as one Parquet file, through DuckDB (docs/decisions/0020). It streams: memory does not grow
 * with the data.
 */
import { rename } from 'node:fs/promises';
import { InfrastructureError, messageOf } from '../../core/errors.js';

/** Writes `target` from the rows of `files`, in their order. */
export async function writeParquet(files: readonly string[], target: string): Promise<void> {
  if (files.length === 0) return;
  try {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    try {
      const list = files.map(quote).join(', ');
      await connection.run(
        `COPY (SELECT * FROM read_json([${list}], format = 'newline_delimited', sample_size = -1, ` +
          `maximum_object_size = 67108864)) TO ${quote(`${target}.tmp`)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
    await rename(`${target}.tmp`, target);
  } catch (cause) {
    throw new InfrastructureError(`cannot write ${target}: ${messageOf(cause)}; --no-parquet leaves it out`, {
      code: 'parquet-failed',
      boundary: 'storage',
      retryable: false,
      cause,
    });
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
