import type { LeafCase, Path } from './leafCases.ts';

type Setup = NonNullable<LeafCase['setup']>;

/** Two changes, one after the other, on brokers of their own: nothing is in the way of either. */
const first = { name: 'first', window: { from: '+0s', to: '+90s' }, on: ['broker/0'] };
const second = { name: 'second', window: { from: '+2m', to: '+3m' }, on: ['broker/1'] };
const changes = (a: object, b: object): Setup => [
  [
    ['changes'] as Path,
    [
      { ...first, ...a },
      { ...second, ...b },
    ] as never,
  ],
];
const together = { window: { from: '+1m', to: '+3m' } };
const frozen: Setup = [
  ...changes({}, {}),
  [['freezes'] as Path, [{ name: 'quiet', from: '+4m', to: '+5m' }] as never],
];

/** Each pair makes a conflict come or go, or move. */
export const calendarCases: Readonly<Record<string, LeafCase>> = {
  'changes[].after': {
    setup: changes({ window: second.window }, {}),
    at: ['changes', 1, 'after'],
    values: [undefined, ['first']],
  },
  'changes[].on': {
    setup: changes({}, together),
    at: ['changes', 1, 'on'],
    values: [['broker/1'], ['broker/*']],
  },
  'changes[].recovery': { setup: changes({}, {}), at: ['changes', 0, 'recovery'], values: ['30s', '31s'] },
  'changes[].risk': { setup: changes({}, together), at: ['changes', 0, 'risk'], values: ['medium', 'high'] },
  'changes[].steps': { setup: changes({}, {}), at: ['changes', 1, 'steps'], values: [undefined, ['one']] },
  'changes[].window.from': {
    setup: changes({ on: ['topic/busy'] }, { on: ['topic/busy'] }),
    at: ['changes', 1, 'window', 'from'],
    values: ['+90s', '+89s'],
  },
  'changes[].window.to': {
    setup: changes({ on: ['topic/busy'] }, { on: ['topic/busy'] }),
    at: ['changes', 0, 'window', 'to'],
    values: ['+2m', '+121s'],
  },
  'freezes[].except': {
    setup: [...frozen, [['freezes', 0, 'from'], '+2m']],
    at: ['freezes', 0, 'except'],
    values: [undefined, ['second']],
  },
  'freezes[].from': { setup: frozen, at: ['freezes', 0, 'from'], values: ['+3m', '+179s'] },
  'freezes[].to': {
    setup: [...frozen, [['freezes', 0, 'from'], '+95s']],
    at: ['freezes', 0, 'to'],
    values: ['+2m', '+121s'],
  },
};

export const calendarNames: readonly string[] = ['changes[].name', 'changes[].title', 'freezes[].name'];
