import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { createRng } from '../core/rng.js';
import { drawComposition, writeProgram, writeStatement } from '../world/compose.js';
import { worldTokenizerFiles } from '../world/vocabulary.js';
import { createPieceEncoder } from './piece-encoder.js';

const files = worldTokenizerFiles();
const library = new Tokenizer(files.tokenizer, files.config);
const encode = (text: string): number[] => library.encode(text, { add_special_tokens: false }).ids;

describe('encoding piece by piece', () => {
  it('gives the ids that the library gives for the whole text', () => {
    const rng = createRng('pieces');
    const texts = Array.from({ length: 60 }, (_, i) => {
      const composition = drawComposition(rng.fork(i));
      return `<|user|>Solve: ${writeStatement(composition, rng)}\n${writeProgram(composition)}<|assistant|>#1 v = ${i}; r = [${i}]<|end|>`;
    });
    const alphabet = [
      ...' \n\t09azAZ\'"[]();=<|>#_é✓🙂',
      '<|end|>',
      '<|us',
      'for v in range(n):',
      'print(*r)',
      '; r =',
    ];
    for (let i = 0; i < 400; i++) {
      texts.push(
        Array.from({ length: rng.int(0, 20) }, () => alphabet[rng.int(0, alphabet.length - 1)]).join(''),
      );
    }
    const byPieces = createPieceEncoder(files, encode);
    for (const text of texts) expect(byPieces?.(text), JSON.stringify(text)).toEqual(encode(text));
  });

  it('leaves alone what depends on its surroundings', () => {
    const changed = (change: object): object => ({ ...files, tokenizer: { ...files.tokenizer, ...change } });
    const cutBy = (Regex: string): object => ({
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
        ],
      },
    });
    const others = [
      { normalizer: { type: 'Lowercase' } },
      { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true } },
      cutBy('\\s+(?!\\S)|\\S+'),
      cutBy('(?i:x)|.'),
      cutBy('^a|b'),
      cutBy('a$|b'),
      cutBy('^x\\]|[^b]'),
      cutBy('\\bx|.'),
      { added_tokens: [{ id: 0, content: '<|end|>', lstrip: true, special: true }] },
    ];
    for (const change of others) {
      expect(
        createPieceEncoder(changed(change) as typeof files, encode),
        JSON.stringify(change),
      ).toBeUndefined();
    }
  });
});
