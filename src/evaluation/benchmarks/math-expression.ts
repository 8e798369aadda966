/**
 * A small reader of the mathematics that final answers are written in (LaTeX or plain), for one purpose: to evaluate an
 * expression at given values of its variables, so that two ways of writing it can be told to be the same.
 *
 * `\pi` and `π` are numbers; `i` and `e` are variables like any other letter (so `(1+i)(1-i)` is not found equal to 2).
 * An integer directly before a fraction of integers is a mixed number, as in MATH: 137 1/2, not 137 · 1/2.
 */

/** The values of variables; called once per letter. */
export type Environment = (name: string) => number;

/** An expression, ready to be evaluated; NaN where it is undefined. */
export type Evaluate = (environment: Environment) => number;

/** Reads a whole expression, or gives undefined when the text is not one. */
export function parseMathExpression(text: string): Evaluate | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined || tokens.length === 0) return undefined;
  const reader = new Reader(tokens);
  try {
    const value = reader.sum();
    return reader.done ? value : undefined;
  } catch (error) {
    if (error instanceof NotAnExpression) return undefined;
    throw error;
  }
}

class NotAnExpression extends Error {}

const TOKEN = /\s+|\d+(?:\.\d+)?|\.\d+|\\[a-zA-Z]+|\*\*|[a-zA-Zπ√∞]|[-+*/^(){}[\]|!_·×÷]/y;

function tokenize(text: string): string[] | undefined {
  const tokens: string[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const match = TOKEN.exec(text);
    if (match === null) return undefined;
    const token = match[0];
    if (token.trim() !== '') tokens.push(token);
  }
  return tokens;
}

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  '\\sin': Math.sin,
  '\\cos': Math.cos,
  '\\tan': Math.tan,
  '\\cot': (x) => 1 / Math.tan(x),
  '\\sec': (x) => 1 / Math.cos(x),
  '\\csc': (x) => 1 / Math.sin(x),
  '\\arcsin': Math.asin,
  '\\arccos': Math.acos,
  '\\arctan': Math.atan,
  '\\ln': Math.log,
  '\\exp': Math.exp,
};

const TIMES = new Set(['*', '·', '×', '\\cdot', '\\times', '\\ast']);
const OVER = new Set(['/', '÷', '\\div']);
const MAX_DEPTH = 60;

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at === this.#tokens.length;
  }

  sum(): Evaluate {
    if (++this.#depth > MAX_DEPTH) throw new NotAnExpression();
    let left = this.#product();
    while (this.#peek === '+' || this.#peek === '-') {
      const sign = this.#next() === '+' ? 1 : -1;
      const [before, right] = [left, this.#product()];
      left = (env) => before(env) + sign * right(env);
    }
    this.#depth--;
    return left;
  }

  get #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new NotAnExpression();
    return token;
  }

  #take(token: string): boolean {
    if (this.#peek !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw new NotAnExpression();
  }

  #product(): Evaluate {
    let left = this.#signed();
    for (;;) {
      const token = this.#peek;
      if (token !== undefined && TIMES.has(token)) {
        this.#at++;
        const [before, right] = [left, this.#signed()];
        left = (env) => before(env) * right(env);
      } else if (token !== undefined && OVER.has(token)) {
        this.#at++;
        const [before, right] = [left, this.#signed()];
        left = (env) => before(env) / right(env);
      } else if (this.#startsAtom(token)) {
        const mixed = this.#isMixedNumber();
        const [before, right] = [left, this.#power()];
        left = mixed ? (env) => before(env) + right(env) : (env) => before(env) * right(env);
      } else return left;
    }
  }

  #signed(): Evaluate {
    if (this.#take('-')) {
      if (++this.#depth > MAX_DEPTH) throw new NotAnExpression();
      const value = this.#signed();
      this.#depth--;
      return (env) => -value(env);
    }
    this.#take('+');
    return this.#power();
  }

  #power(): Evaluate {
    let base = this.#atom();
    while (this.#take('!')) {
      const before = base;
      base = (env) => factorial(before(env));
    }
    if (this.#peek !== '^' && this.#peek !== '**') return base;
    this.#at++;
    const [before, exponent] = [base, this.#exponent()];
    return (env) => before(env) ** exponent(env);
  }

  #exponent(): Evaluate {
    if (this.#take('-')) {
      const value = this.#power();
      return (env) => -value(env);
    }
    return this.#power();
  }

  #startsAtom(token: string | undefined): boolean {
    if (token === undefined) return false;
    return (
      /^(?:[\d.a-zA-Zπ√∞({]|\\(?:frac|sqrt|pi|infty|log|[a-z]+))/.test(token) &&
      !TIMES.has(token) &&
      !OVER.has(token)
    );
  }

  /** Whether what comes is a fraction of integers right after an integer, that integer not being part of a power. */
  #isMixedNumber(): boolean {
    const before = this.#tokens[this.#at - 1];
    const further = this.#tokens[this.#at - 2];
    if (before === undefined || !/^\d+$/.test(before) || further === '^' || further === '_') return false;
    if (this.#peek !== '\\frac') return false;
    const rest = this.#tokens.slice(this.#at + 1, this.#at + 7).join('');
    return /^(?:\{\d+\}|\d)(?:\{\d+\}|\d)/.test(rest);
  }

  #atom(): Evaluate {
    const token = this.#next();
    if (/^[\d.]/.test(token)) {
      const value = Number(token);
      return () => value;
    }
    switch (token) {
      case '(':
        return this.#until(')');
      case '{':
        return this.#until('}');
      case '|': {
        const value = this.#until('|');
        return (env) => Math.abs(value(env));
      }
      case '\\frac': {
        const [top, bottom] = [this.#argument(), this.#argument()];
        return (env) => top(env) / bottom(env);
      }
      case '√': {
        const value = this.#atom();
        return (env) => Math.sqrt(value(env));
      }
      case '\\sqrt': {
        const root = this.#take('[') ? this.#until(']') : () => 2;
        const value = this.#argument();
        return (env) => {
          const [n, x] = [root(env), value(env)];
          return n === 2 ? Math.sqrt(x) : n % 2 === 1 && x < 0 ? -((-x) ** (1 / n)) : x ** (1 / n);
        };
      }
      case '\\log': {
        const base = this.#take('_') ? this.#argument() : () => 10;
        const value = this.#power();
        return (env) => Math.log(value(env)) / Math.log(base(env));
      }
      case '\\pi':
      case 'π':
        return () => Math.PI;
      case '\\infty':
      case '∞':
        return () => Number.POSITIVE_INFINITY;
    }
    const call = FUNCTIONS[token];
    if (call !== undefined) {
      const power = this.#take('^') ? this.#argument() : () => 1;
      const value = this.#power();
      return (env) => call(value(env)) ** power(env);
    }
    if (/^[a-zA-Z]$/.test(token) || /^\\(?:alpha|beta|gamma|delta|theta|lambda|mu|phi|omega)$/.test(token)) {
      const name = this.#take('_') ? `${token}_${this.#subscript()}` : token;
      return (env) => env(name);
    }
    throw new NotAnExpression();
  }

  /** `{…}`, or one token, or one digit of a number (`\frac43` is four thirds). */
  #argument(): Evaluate {
    const token = this.#peek;
    if (token !== undefined && /^\d{2,}$/.test(token)) {
      const [first, rest] = [Number(token[0]), token.slice(1)];
      (this.#tokens as string[])[this.#at] = rest;
      return () => first;
    }
    return this.#atom();
  }

  #subscript(): string {
    if (!this.#take('{')) return this.#next();
    let name = '';
    while (!this.#take('}')) name += this.#next();
    return name;
  }

  #until(end: string): Evaluate {
    const value = this.sum();
    this.#expect(end);
    return value;
  }
}

function factorial(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 170) return Number.NaN;
  let product = 1;
  for (let i = 2; i <= n; i++) product *= i;
  return product;
}
