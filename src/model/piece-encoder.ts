/**
 * Encodes text piece by piece, with each piece's token ids remembered: an order of magnitude faster than encoding every
 * text anew, where texts are made of few different pieces.
 *
 * Only for tokenizers whose pieces depend on nothing around them: no normalizer, a pre-tokenizer that cuts by one regular
 * expression without looking around (and then maps bytes), special tokens that take no blanks with them. Others are left
 * to the library alone; so is what a piece becomes.
 */
import type { TokenizerFiles } from './tokenizer.js';

/** Pieces remembered; beyond that they are encoded every time. */
const MOST_PIECES = 50_000;

/** A faster `encode`, or `undefined` where it might differ. `encode` gives the ids of a text without special tokens. */
export function createPieceEncoder(
  files: TokenizerFiles,
  encode: (text: string) => number[],
): ((text: string) => number[]) | undefined {
  const pieces = pieceExpression(files.tokenizer);
  const special = specialExpression(files.tokenizer);
  if (pieces === undefined || special === undefined || changesText(files.config)) return undefined;
  const known = new Map<string, readonly number[]>();
  const append = (piece: string, ids: number[]): void => {
    let found = known.get(piece);
    if (found === undefined) {
      found = encode(piece);
      if (known.size < MOST_PIECES) known.set(piece, found);
    }
    for (const id of found) ids.push(id);
  };
  const appendText = (text: string, ids: number[]): void => {
    let end = 0;
    for (const match of text.matchAll(pieces)) {
      if (match.index > end) append(text.slice(end, match.index), ids);
      append(match[0], ids);
      end = match.index + match[0].length;
    }
    if (end < text.length) append(text.slice(end), ids);
  };
  return (text) => {
    const ids: number[] = [];
    let end = 0;
    for (const match of text.matchAll(special)) {
      appendText(text.slice(end, match.index), ids);
      append(match[0], ids);
      end = match.index + match[0].length;
    }
    appendText(text.slice(end), ids);
    return ids;
  };
}

/** The expression that cuts text into pieces, where pieces stand for themselves. */
function pieceExpression(tokenizer: TokenizerFiles['tokenizer']): RegExp | undefined {
  const { normalizer, pre_tokenizer: cutting } = tokenizer as {
    normalizer?: unknown;
    pre_tokenizer?: { type?: string; pretokenizers?: readonly Readonly<Record<string, unknown>>[] };
  };
  const [split, bytes, ...more] = cutting?.pretokenizers ?? [];
  if (normalizer || cutting?.type !== 'Sequence' || !split || !bytes || more.length > 0) return undefined;
  const pattern = (split['pattern'] as { Regex?: string } | undefined)?.Regex;
  const cuts = split['type'] === 'Split' && split['behavior'] === 'Isolated' && split['invert'] !== true;
  const maps =
    bytes['type'] === 'ByteLevel' && bytes['use_regex'] === false && bytes['add_prefix_space'] !== true;
  if (pattern === undefined || !cuts || !maps || looksAround(pattern)) return undefined;
  try {
    return new RegExp(pattern, 'gu');
  } catch {
    return undefined;
  }
}

/** Whether a match may depend on what is beside it: assertions, anchors, groups with flags. */
function looksAround(pattern: string): boolean {
  if (/\\[bB]/.test(pattern)) return true;
  const bare = pattern.replace(/\\./gu, '').replace(/\[[^\]]*\]/gu, '');
  return /[$^]|\(\?(?!:)/.test(bare);
}

/** Matches special tokens, the longest first. */
function specialExpression(tokenizer: TokenizerFiles['tokenizer']): RegExp | undefined {
  const added = (tokenizer['added_tokens'] ?? []) as readonly Readonly<Record<string, unknown>>[];
  if (added.some((token) => token['lstrip'] || token['rstrip'] || token['single_word'])) return undefined;
  const texts = added.map(({ content }) => String(content)).filter((content) => content !== '');
  if (texts.length === 0) return /(?!)/gu;
  const alternatives = texts
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&'));
  return new RegExp(alternatives.join('|'), 'gu');
}

/** Settings of old tokenizers that change the text before it is cut. */
function changesText(config: TokenizerFiles['config']): boolean {
  return config['remove_space'] === true || config['do_lowercase_and_remove_accent'] === true;
}
