import seedrandom from 'seedrandom';

/** Numbers strictly inside (0, 1), one for each call. */
export type Stream = () => number;

/**
 * The text that seeds a stream: each part with its length before it, so that no two lists of parts give the same text.
 */
export function streamKey(seed: string, replication: number, entity: string, purpose: string): string {
  return `v1|${seed.length}:${seed}|${replication}|${entity.length}:${entity}|${purpose.length}:${purpose}`;
}

/**
 * A stream of its own for each (seed, replication, entity, purpose). Draw n belongs to occurrence n, so that the third restart
 * of an entity draws the same in every variant of a scenario.
 *
 * The generator is alea (J. Baagøe), as the package seedrandom has it: 32 bits a draw. Zero is moved to half a step.
 */
export function makeStream(key: string): Stream {
  const draw = seedrandom.alea(key);
  return () => {
    const u = draw();
    return u > 0 ? u : 1.1641532182693481e-10;
  };
}
