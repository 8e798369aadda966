/**
 * Journals: what an episode was answered, and how it is put back where it was. An episode is deterministic, so its
 * spec and its journal are its whole state.
 */
import { hashJson } from '../core/canonical-json.js';
import { UsageError } from '../core/errors.js';
import type { Episode, JournalEntry, Request, Response } from './types.js';

/** Where an episode stands after its journal: finished, or waiting for answers. */
export type Replayed<Outcome> =
  | { readonly kind: 'finished'; readonly outcome: Outcome; readonly journal: readonly JournalEntry[] }
  | {
      readonly kind: 'waiting';
      readonly requests: readonly Request[];
      /** [request] the entries of this yield that the journal already holds; `undefined` where it has none. */
      readonly answered: readonly (JournalEntry | undefined)[];
      /** The entries of the earlier yields, in the order of their requests. */
      readonly journal: readonly JournalEntry[];
    };

/** The name of a request in a journal: the sha256 of its canonical JSON. */
export function hashRequest(request: Request): string {
  return hashJson(request);
}

/**
 * Advances a fresh episode through a journal or any prefix of one. Within one yield the entries may stand in any
 * order, the order in which the answers arrived. Throws a UsageError when an entry answers a request that the
 * episode does not make there: the journal is then of another spec, or of another version of the prompts.
 */
export function replay<Outcome>(
  episode: Episode<Outcome>,
  journal: readonly JournalEntry[],
): Replayed<Outcome> {
  const done: JournalEntry[] = [];
  let step = episode.next([]);
  while (!step.done) {
    const requests = step.value;
    const answered = matchEntries(
      requests,
      journal.slice(done.length, done.length + requests.length),
      done.length,
    );
    if (answered.some((entry) => entry === undefined))
      return { kind: 'waiting', requests, answered, journal: done };
    const entries = answered as readonly JournalEntry[];
    done.push(...entries);
    step = episode.next(entries.map(({ response }) => response));
  }
  if (journal.length > done.length) {
    throw new UsageError(
      `the journal does not belong to this episode: the episode ends after ${done.length} responses, ` +
        `the journal holds ${journal.length}. Delete the journal to start the episode anew.`,
    );
  }
  return { kind: 'finished', outcome: step.value, journal: done };
}

/** Pairs each request with its entry. `ordinal` is the place of the first entry in the journal, for messages. */
function matchEntries(
  requests: readonly Request[],
  entries: readonly JournalEntry[],
  ordinal: number,
): (JournalEntry | undefined)[] {
  const answered: (JournalEntry | undefined)[] = requests.map(() => undefined);
  if (entries.length === 0) return answered;
  const hashes = requests.map(hashRequest);
  for (const [i, entry] of entries.entries()) {
    const place = hashes.findIndex((hash, r) => hash === entry.request && answered[r] === undefined);
    if (place < 0 || !answers(entry.response, requests[place]!)) {
      throw new UsageError(
        `the journal does not belong to this episode: its entry ${ordinal + i} answers a request that the episode ` +
          'does not make there (another seed, other options, or prompts that have changed since). ' +
          'Delete the journal to start the episode anew.',
      );
    }
    answered[place] = entry;
  }
  return answered;
}

function answers(response: Response, request: Request): boolean {
  return response.kind === request.kind;
}
