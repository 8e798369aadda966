/**
 * The tokenizer of the small world, as Hugging Face files: byte-level BPE in the form of Llama 3 (a regular expression
 * cuts text into pieces, a piece in the vocabulary is one token), with single characters to fall back on. Frequent
 * idioms of the world are pieces of their own, so that a narrated step costs few tokens; digits stay single, because
 * arithmetic is learned digit by digit.
 */
import { createRng } from '../core/rng.js';
import { drawComposition, writeFunction, writeProgram, writeStatement } from './compose.js';
import { INPUT_KINDS } from './operations.js';

export const SPECIAL_TOKENS = ['<|pad|>', '<|unk|>', '<|user|>', '<|assistant|>', '<|end|>'] as const;

const IDIOMS: readonly string[] = [
  ...INPUT_KINDS.flatMap((kind) => [...kind.read, kind.header, `def f(${kind.parameter}):`, kind.phrase]),
  'for v in range(n):',
  'for v in range(1, n):',
  'print(*r)',
  'print(r)',
  'return r',
  'r.append(v)',
  'r.append(t)',
  "'aeiou'",
  '<output>',
  '</output>',
  '[PYTHON]\n',
  '\n[/PYTHON]',
  '[THOUGHT]\n',
  '[/THOUGHT]\n[ANSWER]assert f(',
  ') == ??',
  '[/ANSWER]',
  'assert f(',
  '#SUBMIT',
  'Run:\n',
  'Solve:',
  'Review:',
  '\nInput:',
  '\nExpected:',
  '\nOutput:',
  'Input:',
];

/** A numbered item (`\n#2 v =`), a step (`; r =`, `; r[1] =`), then words, digits, operators and blanks. */
const PIECES = [
  '\\n#\\d [a-z] =',
  '; [a-z]\\[\\d\\] =',
  '; [a-z] =',
  " ?'[a-z]'",
  '\\n *',
  ' ?[A-Za-z]+',
  ' ?[0-9]',
  " ?(?:[=!<>]=|//|\\[\\]|''|[^\\sA-Za-z0-9])",
  '[^\\S\\n]',
];

const PATTERN = [...IDIOMS.map(escapePattern), ...PIECES].join('|');

/** `tokenizer.json` and `tokenizer_config.json` of the world's tokenizer. The same on every machine. */
export function worldTokenizerFiles(): {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
} {
  const tokens = [...SPECIAL_TOKENS, ...vocabulary().map(toByteLevel)];
  const special = (content: string, id: number) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: SPECIAL_TOKENS.map(special),
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
        ],
      },
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: '<|unk|>',
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: true,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: [],
      },
    },
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: '<|unk|>',
      pad_token: '<|pad|>',
      eos_token: '<|end|>',
      clean_up_tokenization_spaces: false,
      model_max_length: 320,
      chat_template:
        "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content }}{% if message.role == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    },
  };
}

/** Single characters first, then the pieces that the world's texts are made of. */
function vocabulary(): string[] {
  const out = new Set<string>(['\n']);
  for (let code = 32; code < 127; code++) out.add(String.fromCharCode(code));
  for (const idiom of IDIOMS) out.add(idiom);
  for (let digit = 0; digit < 10; digit++) {
    out.add(` ${digit}`);
    for (const name of 'vc') out.add(`\n#${digit} ${name} =`);
    for (const name of 'r') out.add(`; ${name}[${digit}] =`);
  }
  for (const name of 'vcrt') out.add(`; ${name} =`);
  for (let code = 97; code < 123; code++) {
    out.add(`'${String.fromCharCode(code)}'`);
    out.add(` '${String.fromCharCode(code)}'`);
  }
  for (const text of sampleTexts()) {
    for (const [piece] of text.matchAll(new RegExp(PATTERN, 'gu'))) out.add(piece);
  }
  return [...out];
}

/** Texts that between them show every word and operator of the world, whatever the run's seed. */
function* sampleTexts(): Generator<string> {
  const rng = createRng('world-vocabulary');
  for (let i = 0; i < 3_000; i++) {
    const composition = drawComposition(rng.fork(i));
    yield writeStatement(composition, rng.fork(`statement${i}`));
    yield writeProgram(composition);
    yield writeFunction(composition);
  }
  yield "for v in range(1, n - 1): r != v >= <= > < // % * + - == = not in yes no right wrong [ ] [] ( ) , : abs( len( '' ' ?";
}

/** The printable alphabet of byte-level BPE; ours needs only blanks and newlines mapped. */
function toByteLevel(piece: string): string {
  return piece.replace(/ /g, 'Ġ').replace(/\n/g, 'Ċ');
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replace(/\n/g, '\\n');
}
