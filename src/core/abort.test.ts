import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { childController, onAbort } from './abort.js';

test('children end with their parent, for its reason, and leave one listener on it', () => {
  const parent = new AbortController();
  const children = Array.from({ length: 50 }, () => childController(parent.signal));
  expect(getEventListeners(parent.signal, 'abort')).toHaveLength(1);
  children[0]!.release();
  parent.abort('enough');
  expect(children.map(({ controller }) => controller.signal.reason)).toEqual([
    undefined,
    ...new Array(49).fill('enough'),
  ]);
});

test('a child that ends leaves its parent and its siblings alone', () => {
  const parent = new AbortController();
  const [first, second] = [childController(parent.signal), childController(parent.signal)];
  first.controller.abort('own');
  expect([parent.signal.aborted, second.controller.signal.aborted]).toEqual([false, false]);
});

test('a signal that is aborted already, or absent, is understood', () => {
  const parent = new AbortController();
  parent.abort('before');
  expect(childController(parent.signal).controller.signal.reason).toBe('before');
  expect(childController(undefined).controller.signal.aborted).toBe(false);
  const reasons: unknown[] = [];
  onAbort(parent.signal, (reason) => reasons.push(reason))();
  expect(reasons).toEqual(['before']);
});
