import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/experiment/result.ts';
import { leafKeys } from '../../src/scenario/jsonSchema.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { root, run } from '../support/files.ts';
import {
  type LeafCase,
  leafCases,
  leafFiles,
  namingKeys,
  type Path,
  smallScenario,
} from '../support/leafCases.ts';

/** What must differ between the two runs of a key: a measure, a told event, a verdict or a row of the result. */
const differs = JSON.parse(readFileSync(`${root}test/golden/files/leafKeys.json`, 'utf8')) as Record<
  string,
  string
>;

/** Golden: digests of everything that the two runs of a key show (npm run golden rewrites). */
const digests = JSON.parse(readFileSync(`${root}test/golden/files/leafDigests.json`, 'utf8')) as Record<
  string,
  [string, string]
>;

type Tree = { [key: string]: unknown };

function set(tree: Tree, path: Path, value: unknown): void {
  let node: unknown = tree;
  path.slice(0, -1).forEach((key, i) => {
    const map = node as Tree;
    map[key] ??= typeof path[i + 1] === 'number' ? [] : {};
    node = map[key];
  });
  const last = path[path.length - 1] as string;
  if (value === undefined) delete (node as Tree)[last];
  else (node as Tree)[last] = value;
}

/** The scenario with a key's value. */
function textOf(leaf: LeafCase, which: 0 | 1): string {
  const tree = structuredClone(smallScenario) as Tree;
  for (const [path, value] of leaf.setup ?? []) set(tree, path, structuredClone(value));
  set(tree, leaf.at, structuredClone(leaf.values[which]));
  return JSON.stringify(tree);
}

/** How many runs have the same text: many keys have one value that is also that of others. */
const runsOf = new Map<string, number>();
for (const leaf of Object.values(leafCases)) {
  for (const which of [0, 1] as const) {
    const text = textOf(leaf, which);
    runsOf.set(text, (runsOf.get(text) ?? 0) + 1);
  }
}
const playedBefore = new Map<string, ReadonlyMap<string, string>>();

/** What the run shows; one that several keys share is played once. */
function played(leaf: LeafCase, which: 0 | 1, isSampled: boolean): ReadonlyMap<string, string> {
  const text = textOf(leaf, which);
  const key = `${isSampled} ${text}`;
  const found =
    playedBefore.get(key) ??
    facts(run('leaf.yaml', isSampled ? {} : { sampled: false }, { ...leafFiles, 'leaf.yaml': text }));
  if (runsOf.get(text)! > 1) playedBefore.set(key, found);
  return found;
}

/** What is sampled costs half of a run: it is played for the keys that nothing else shows. */
const sampled = new Set(
  parts.flatMap((p) => p.catalogue.metrics.filter((m) => m.sampled === true).map((m) => m.name)),
);
const isSampled = (what: string) => sampled.has(what.replace(/^series /, ''));

/** Everything that a result shows, one line a thing. */
function facts(result: Result): Map<string, string> {
  const found = new Map<string, string>();
  const add = (what: string, value: unknown) =>
    found.set(what, `${found.get(what) ?? ''}${JSON.stringify(value)}`);
  for (const m of result.measures) add(m.name, [m.labels, m.value]);
  for (const name of result.series.names) {
    for (const s of result.series.of(name))
      add(`series ${name}`, [
        s.labels,
        Array.from({ length: s.length }, (_, i) => [s.times[i], s.values[i], s.slopes[i]]),
      ]);
  }
  for (const t of result.told) add(`event ${t.kind}`, [t.time, t.subject, t.detail]);
  for (const e of result.expectations) add('expectation', [e.verdict]);
  for (const o of result.observed)
    add('observed', [o.observed, o.predicted, o.unit, o.ok, o.baseline, o.contradiction, o.role]);
  for (const f of result.findings) add('finding', f.says);
  for (const r of result.risks) add('risk', [r.name, r.value, r.limit, r.where]);
  for (const level of result.serviceLevels ?? []) add('service level', level);
  add('stopped', result.stoppedBecause);
  return found;
}

/** Short digest of all facts of a run. */
function digest(all: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(JSON.stringify([...all]))
    .digest('hex')
    .slice(0, 16);
}

const keys = leafKeys(parts);

/** Keys of nodes, workloads and jobs for which nobody has written a pair of values yet: what they do is tested, if at all, by the models' own tests. */
const withoutCases = JSON.parse(
  readFileSync(`${root}test/golden/files/leafKeysWithoutCases.json`, 'utf8'),
) as string[];

test('every leaf key of the schema has a pair of values, or is listed as one that only names or has none yet', () => {
  const cased = [...Object.keys(leafCases), ...withoutCases];
  expect(keys.filter((k) => !cased.includes(k) && !namingKeys.includes(k))).toEqual([]);
  expect([...cased, ...namingKeys].filter((k) => !keys.includes(k))).toEqual([]);
  expect(keys.length).toBeGreaterThan(150);
});

describe.each(Object.keys(leafCases))('%s', (key) => {
  test('its two values differ where they must', () => {
    const leaf = leafCases[key] as LeafCase;
    const both = (withSampled: boolean) => {
      const [a, b] = [played(leaf, 0, withSampled), played(leaf, 1, withSampled)];
      const moved = [...new Set([...a.keys(), ...b.keys()])].filter((k) => a.get(k) !== b.get(k));
      return { a, b, moved };
    };
    const writes = process.env.REHEARSE_LEAVES !== undefined;
    let { a, b, moved } = both(!writes && isSampled(differs[key]!));
    if (writes && moved.length === 0) ({ a, b, moved } = both(true));
    if (writes) {
      digests[key] = [digest(a), digest(b)];
      differs[key] =
        moved.find((m) => m === differs[key]) ??
        moved.find((m) => m.startsWith('rehearse:')) ??
        moved.find((m) => m.startsWith('event')) ??
        moved[0] ??
        'NOTHING';
      return;
    }
    expect(moved).toContain(differs[key]);
    expect([digest(a), digest(b)]).toEqual(digests[key]);
  });
});

if (process.env.REHEARSE_LEAVES !== undefined) {
  const { afterAll } = await import('vitest');
  const { writeFileSync } = await import('node:fs');
  const write = (name: string, data: Record<string, unknown>) =>
    writeFileSync(
      `${root}test/golden/files/${name}.json`,
      `${JSON.stringify(Object.fromEntries(Object.entries(data).sort(([x], [y]) => (x < y ? -1 : 1))), null, 2)}\n`,
    );
  afterAll(() => {
    write('leafKeys', differs);
    write('leafDigests', digests);
  });
}
