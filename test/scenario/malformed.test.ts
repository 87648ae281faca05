import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openScenario } from '../../src/scenario/open.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { reader, root } from '../support/files.ts';

// Files that begin with an underscore are good, or are named by others.
const folder = 'test/scenario/malformed/';
const names = readdirSync(root + folder)
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('_'))
  .map((name) => name.slice(0, -'.yaml'.length))
  .sort((x, y) => (x < y ? -1 : 1));

describe('malformed scenarios', () => {
  test('are at least sixty', () => {
    expect(names.length).toBeGreaterThanOrEqual(60);
  });

  test('differ from a good one only in what they are named for', () => {
    const { problems, warnings } = openScenario(`${folder}_base.yaml`, reader());
    expect([...problems, ...warnings]).toEqual([]);
  });

  test.each(names)('%s is refused with the messages, lines and columns beside it', async (name) => {
    const { scenario, problems, texts } = openScenario(`${folder}${name}.yaml`, reader());
    expect(scenario).toBeUndefined();
    const text = `${renderProblems(problems, texts)}\n`;
    await expect(text).toMatchFileSnapshot(`malformed/${name}.txt`);
  });
});
