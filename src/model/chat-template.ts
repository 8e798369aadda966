/**
 * Chat templates as transformers renders them: Jinja with the tokenizer's special tokens as variables, tools, and whatever
 * else a template asks for (such as `enable_thinking`). Rendered by @huggingface/jinja; test/chat-templates.test.ts compares
 * the texts with transformers' own, for templates in the shapes of common families.
 */
import { Template } from '@huggingface/jinja';
import { messageOf, UsageError } from '../core/errors.js';

/** A message as templates know it: more than our own ChatMessage, for tools and their calls. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  readonly tool_calls?: readonly unknown[];
}

export interface RenderOptions {
  readonly messages: readonly TemplateMessage[];
  /** Whether what opens the assistant's turn is added. */
  readonly addGenerationPrompt: boolean;
  /** JSON schemas of functions. */
  readonly tools?: readonly unknown[];
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface ChatTemplate {
  /** Throws a UsageError when the template refuses the messages. */
  render(options: RenderOptions): string;
}

/** From a parsed tokenizer_config.json. Throws a UsageError when it has no template. */
export function createChatTemplate(config: Readonly<Record<string, unknown>>): ChatTemplate {
  const sources = templatesOf(config['chat_template']);
  const tokens = specialTokens(config);
  const compiled = new Map<string, Template>();
  const templateFor = (withTools: boolean): Template => {
    const name = withTools && sources.has('tool_use') ? 'tool_use' : 'default';
    const source = sources.get(name);
    if (source === undefined)
      throw new UsageError('tokenizer_config.json has no chat_template named "default"');
    const template = compiled.get(name) ?? new Template(source);
    compiled.set(name, template);
    return template;
  };
  templateFor(false);
  return {
    render: ({ messages, addGenerationPrompt, tools, variables }) => {
      try {
        return templateFor(tools !== undefined).render({
          ...tokens,
          ...variables,
          messages: [...messages],
          tools: tools ?? null,
          add_generation_prompt: addGenerationPrompt,
        });
      } catch (cause) {
        throw new UsageError(`the chat template refuses these messages: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

/** The text of a special token such as `eos_token`, written as a string or as an object. */
export function specialToken(config: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const token = config[name];
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** One template, or several by name. */
function templatesOf(value: unknown): Map<string, string> {
  if (typeof value === 'string') return new Map([['default', value]]);
  if (!Array.isArray(value)) throw new UsageError('tokenizer_config.json has no chat_template');
  return new Map(
    (value as { name: string; template: string }[]).map(({ name, template }) => [name, template]),
  );
}

function specialTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const found = Object.keys(config)
    .filter((name) => name.endsWith('_token'))
    .map((name) => [name, specialToken(config, name)] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
