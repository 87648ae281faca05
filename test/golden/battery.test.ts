import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryScenario } from '../../src/testing.ts';
import { root, run } from '../support/files.ts';

const file = `${root}test/golden/files/battery.json`;

/** Golden: whatever moves in the models moves one of these (npm run golden rewrites). */
test('forty random scenarios show in every series and event what they showed before', () => {
  const texts = fc.sample(
    arbitraryScenario({ brokers: { min: 3, max: 9 }, partitionsPerTopic: { min: 2, max: 30 } }),
    { numRuns: 40, seed: 2024 },
  );
  const digests = texts.map(({ text }) => {
    const result = run('scenarios/random.yaml', {}, { 'scenarios/random.yaml': text });
    const hash = createHash('sha256').update(
      JSON.stringify([result.fingerprint, result.told, result.measures]),
    );
    for (const name of result.series.names)
      for (const s of result.series.of(name))
        hash.update(JSON.stringify([name, s.labels, s.length, s.times, s.values, s.slopes]));
    return hash.digest('hex').slice(0, 16);
  });
  if (process.env.REHEARSE_LEAVES !== undefined) writeFileSync(file, `${JSON.stringify(digests, null, 2)}\n`);
  expect(digests).toEqual(JSON.parse(readFileSync(file, 'utf8')));
});
