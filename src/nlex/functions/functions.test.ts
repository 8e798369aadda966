import { expect, test } from 'vitest';
import { createRng } from '../../core/rng.js';
import { findFunctions } from './find-functions.js';
import { findCalls, indexCalls, indexProposals, makeCalls, mutateCall } from './inputs.js';
import { typeOfParameter } from './python-types.js';

const text = `"""A module."""
from __future__ import annotations
import math
import random
import numpy as np
from .local import thing

LIMIT = 10

def helper(x):  # not a method
    """
    >>> helper(3)
    3
    """
    return min(x, LIMIT)

def area(radius: float) -> float:
    """
    The area.

    >>> area(2.0)
    12.566370614359172
    >>> area(
    ...     helper(3)
    ... )
    28.274333882308138
    """
    return math.pi * helper(radius) ** 2

def dice():
    return random.randint(1, 6)

def mean(xs):
    return np.mean(xs)

def outside():
    return thing()

async def later(x):
    return x

def main():
    print(area(1.0))

def ask():
    return input()

if __name__ == "__main__":
    print(area(radius=3.5), helper(7))

def check():
    assert area(4.0) > 50
`;
const file = { path: 'project/shapes.py', text };

test('a function comes with what it needs of its file, and without doctests', () => {
  const { functions } = findFunctions(file);
  expect(functions.map(({ name }) => name)).toEqual(['helper', 'area']);
  expect(functions[1]!.source).toBe(
    `from __future__ import annotations
import math

LIMIT = 10

def helper(x):  # not a method
    return min(x, LIMIT)

def area(radius: float) -> float:
    return math.pi * helper(radius) ** 2
`,
  );
  expect(functions[1]!.line).toBe(17);
});

test('functions that cannot run by themselves are counted by reason', () => {
  expect(findFunctions(file)).toMatchObject({
    total: 9,
    excluded: {
      'depends on chance or the clock (random)': 1,
      'needs numpy': 1,
      'imports a module of its project': 1,
      asynchronous: 1,
      'takes nothing and returns nothing': 2,
      'reads standard input': 1,
    },
  });
});

test('calls with constant arguments are found in doctests, examples and call sites', () => {
  const area = findFunctions(file).functions[1]!;
  expect(findCalls(area, indexCalls(text))).toEqual([
    { expression: 'area(2.0)', origin: 'doctest' },
    { expression: 'area(helper(3))', origin: 'doctest' },
    { expression: 'area(1.0)', origin: 'call' },
    { expression: 'area(radius=3.5)', origin: 'main' },
    { expression: 'area(4.0)', origin: 'assert' },
  ]);
});

test('of what a model proposes, calls of the function with constant arguments are taken', () => {
  const area = findFunctions(file).functions[1]!;
  const said =
    'Here are some calls:\n```python\narea(0.0)\narea(x)\nother(1)\nprint(area(-1.5))\n```\n1. `area(2.5)`';
  expect(findCalls(area, indexProposals(said)).map(({ expression }) => expression)).toEqual([
    'area(0.0)',
    'area(-1.5)',
    'area(2.5)',
  ]);
});

test('parameters have the type of their annotation, else of their use', () => {
  const typeOf = (name: string, annotation: string | undefined, body: string) =>
    typeOfParameter({ name, annotation, hasDefault: false }, body);
  expect(typeOf('x', 'list[tuple[int, str]] | None', '')).toEqual({
    kind: 'list',
    item: { kind: 'pair', items: [{ kind: 'int' }, { kind: 'str' }] },
  });
  expect(typeOf('node', 'TreeNode', '')).toBeUndefined();
  expect(typeOf('t', undefined, 'return t.split()')).toEqual({ kind: 'str' });
  expect(typeOf('q', undefined, 'for i in range(len(q)):')).toEqual({ kind: 'list', item: { kind: 'int' } });
  expect(typeOf('n', undefined, 'return n % 2 == 0')).toEqual({ kind: 'int' });
});

test('made and mutated calls are the same for the same seed', () => {
  const area = findFunctions(file).functions[1]!;
  const make = () => makeCalls(area, createRng('a'), 3);
  expect(make()).toEqual(make());
  expect(make().map(({ origin }) => origin)).toContain('boundary');
  const mutated = mutateCall('area([3, 1], "ab")', createRng('m'), 6);
  expect(mutated.length).toBeGreaterThan(3);
  for (const { expression } of mutated) expect(expression).not.toBe('area([3, 1], "ab")');
});
