/**
 * Parquet through DuckDB (docs/decisions/0020): parts of JSON lines as one file, and the rows of a file as JSON. It
 * streams: memory does not grow with the data.
 */
import { rename } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InfrastructureError, messageOf, UsageError } from '../../core/errors.js';

/** Column → DuckDB type. Named, not guessed: shards of a set have to fit together, whatever their first rows hold. */
export type Columns = Readonly<Record<string, string>>;

export const MESSAGES = 'STRUCT("role" VARCHAR, "content" VARCHAR)[]';

/** Writes `target` from the rows of `files`, in their order. */
export async function writeParquet(
  files: readonly string[],
  target: string,
  columns: Columns,
): Promise<void> {
  if (files.length === 0) return;
  const database = await openDuckDb();
  try {
    const list = files.map(quote).join(', ');
    const types = Object.entries(columns).map(([name, type]) => `${quote(name)}: ${quote(type)}`);
    await database.connection.run(
      `COPY (SELECT * FROM read_json([${list}], format = 'newline_delimited', columns = {${types.join(', ')}}, ` +
        `maximum_object_size = 67108864)) TO ${quote(`${target}.tmp`)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    await rename(`${target}.tmp`, target);
  } catch (cause) {
    throw new InfrastructureError(`cannot write ${target}: ${messageOf(cause)}; --no-parquet leaves it out`, {
      code: 'parquet-failed',
      boundary: 'storage',
      retryable: false,
      cause,
    });
  } finally {
    database.close();
  }
}

/** The rows of a Parquet file, each as JSON. Throws a UsageError for what is none. */
export async function* readParquetRows(path: string): AsyncGenerator<string> {
  const database = await openDuckDb();
  try {
    const sql = `SELECT to_json(rows)::VARCHAR FROM read_parquet(${quote(path)}) AS rows`;
    yield* streamTexts(database.connection, sql);
  } catch (cause) {
    throw new UsageError(`cannot read ${path} as Parquet: ${messageOf(cause)}`, { cause });
  } finally {
    database.close();
  }
}

/** The first column of a query's rows, as they come. */
export async function* streamTexts(connection: DuckDBConnection, sql: string): AsyncGenerator<string> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) return;
    for (const value of chunk.getColumnValues(0)) yield String(value);
  }
}

export interface DuckDb {
  readonly connection: DuckDBConnection;
  close(): void;
}

/** An in-memory database; with a folder it takes 1 GB at most, and spills the rest there. */
export async function openDuckDb(folder?: string): Promise<DuckDb> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const spill = folder === undefined ? {} : { temp_directory: folder, memory_limit: '1GB' };
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', ...spill });
  const connection = await instance.connect();
  return {
    connection,
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
