import { describe, expect, test } from 'vitest';
import type { Problem } from '../../src/formats/problem.ts';
import { asMap, limits, readDocument, Sources } from '../../src/scenario/document.ts';

function read(text: string) {
  const problems: Problem[] = [];
  const node = readDocument('a.yaml', new Sources(() => text), problems);
  return { node, problems };
}

/** `line:column found`, one a problem. */
function told(text: string): string[] {
  const { node, problems } = read(text);
  expect(node).toBeUndefined();
  return problems.map((p) => `${p.line}:${p.column} ${p.found}`);
}

test('a file that was read is read anew when its text has changed, and a bad one is refused each time', () => {
  const value = (text: string) => asMap(read(text).node)?.get('a')?.value;
  expect([value('a: 1'), value('a: 1'), value('a: 2'), value('a: 1')]).toEqual([1, 1, 2, 1]);
  const bad = 'a: 1\nb: *nobody';
  expect([told(bad), told(bad)]).toEqual([told(bad), [expect.stringMatching(/^2:4 /)]]);
  expect(value('a: 1')).toBe(1);
});

describe('a YAML file is untrusted', () => {
  test('a file beyond the limit is refused before it is parsed', () => {
    const before = performance.now();
    expect(told(`a: ${'x'.repeat(limits.fileCharacters)}`)[0]).toMatch(
      /^0:0 the file has 4000003 characters/,
    );
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test('aliases that would expand to 10^9 values stop at a hundred', () => {
    const levels = Array.from({ length: 9 }, (_, i) =>
      i === 0
        ? 'l0: &l0 [x, x, x, x, x, x, x, x, x, x]'
        : `l${i}: &l${i} [${`*l${i - 1}, `.repeat(9)}*l${i - 1}]`,
    );
    expect(told(levels.join('\n'))).toEqual([expect.stringMatching(/more than 100 aliases are expanded/)]);
  });

  test('an alias to what holds it is refused', () => {
    expect(told('a: &a\n  b: *a')).toEqual([expect.stringMatching(/nested deeper than 64|no anchor/)]);
  });

  test('an alias without an anchor is a problem at its place', () => {
    expect(told('a: 1\nb: *nobody')).toEqual([expect.stringMatching(/^2:4 /)]);
  });

  test.each([
    ['brackets', `a: ${'['.repeat(70)}${']'.repeat(70)}`],
    ['many brackets', `a: ${'['.repeat(200_000)}`],
    ['indentation', Array.from({ length: 70 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['much indentation', Array.from({ length: 2000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
    ['dashes', `a:\n  ${'- '.repeat(100)}x`],
    ['many dashes', `${'- '.repeat(100_000)}x`],
    ['question marks', `${'? '.repeat(100_000)}x`],
  ])('nesting by %s is refused', (_, text) => {
    const found = told(text);
    expect(found[0]).toMatch(/nested deeper than 64/);
    expect(found).toHaveLength(1);
  });

  test('a list of more than 200,000 entries is refused with its place', () => {
    expect(told(`a: 1\nb: [${'1,'.repeat(200_001)}]`)).toEqual(['2:4 a list of 200001 entries']);
  });

  test('a list at the limit is read', () => {
    expect(read(`b: [${'1,'.repeat(200_000)}]`).problems).toEqual([]);
  });

  test.each([
    ['a: 1\nb: 2\na: 3', '3:1 map keys must be unique'],
    ['a:\n\tb: 1', '2:1 tabs are not allowed as indentation'],
    ['a: 1\n---\nb: 2', '3:1 a second document'],
    ['- 1\n- 2', '1:1 the file is a list, not a map'],
    ['just words', '1:1 the file is a single value, not a map'],
    ['', '0:0 the file is empty'],
    ['# only a remark\n', '0:0 the file is empty'],
    ['\uFEFFa: 1', '1:1 the file begins with a byte order mark'],
    ['a: 1\nb: \u0000', '2:4 the file holds a NUL byte'],
    ['a: "\u001b[31m"', '1:5 the file holds the control character U+001b'],
    ['a: !secret x', '1:4 unresolved tag: !secret'],
    ['a: {b: 1', '1:9 flow map in block collection must be sufficiently indented and end with a }'],
    ['a: "b', '1:6 missing closing "quote'],
    ['? [a, b]\n: 1', '1:3 a key that is no text'],
    ['__proto__: 1', '1:1 the key __proto__ is not allowed'],
    ['a: @b', '1:4 plain value cannot start with reserved character @'],
  ])('%j is a problem with its place', (text, says) => {
    expect(told(text)[0]).toBe(says);
  });

  test('a mistake inside a line is told once for each place, and at most twenty times', () => {
    expect(told(Array.from({ length: 50 }, () => 'a: 1').join('\n'))).toHaveLength(20);
  });
});

describe('every value knows where it was written', () => {
  test('values, keys and list entries have line and column', () => {
    const { node } = read('# remark\na:\n  bc: 12.50\n  d: [x, "y"]\n');
    const a = asMap(asMap(node)?.get('a'));
    expect(a?.get('bc')).toMatchObject({
      line: 3,
      column: 7,
      keyLine: 3,
      keyColumn: 3,
      value: 12.5,
      text: '12.50',
    });
    expect(a?.get('d')?.value).toMatchObject([
      { line: 4, column: 7, value: 'x', style: 'plain' },
      { line: 4, column: 10, value: 'y', style: 'quoted' },
    ]);
  });

  test('an alias stands where it is written, with the value of its anchor', () => {
    const { node } = read('a: &x { b: 1 }\nc: *x');
    expect(asMap(node)?.get('c')).toMatchObject({ line: 2, column: 4 });
    expect(asMap(asMap(node)?.get('c'))?.get('b')).toMatchObject({ value: 1, line: 1 });
  });

  test('a key without a value is null at the place of its key', () => {
    const { node } = read('a:\nb: 1');
    expect(asMap(node)?.get('a')).toMatchObject({ value: null, line: 1 });
  });
});
