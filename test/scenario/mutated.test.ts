import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mutatedFiles, playMutated } from '../support/mutations.ts';

test('a mutated file gives located problems or a run without NaN, each within five seconds', () => {
  const outcomes = { refused: 0, pass: 0, fail: 0, inconclusive: 0 };
  let slowest = 0;
  fc.assert(
    fc.property(fc.constantFrom(...mutatedFiles), fc.integer({ min: 1, max: 2 ** 31 }), (file, seed) => {
      const before = performance.now();
      outcomes[playMutated(file, seed)] += 1;
      slowest = Math.max(slowest, performance.now() - before);
    }),
    { seed: 1, numRuns: 300 },
  );
  // Both must have occurred, or the mutations prove nothing.
  expect(outcomes.refused).toBeGreaterThan(60);
  expect(outcomes.pass + outcomes.fail).toBeGreaterThan(20);
  expect(slowest).toBeLessThan(5000);
});
