import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeSpec, Placement, PodTemplate, Selector } from '../../src/models/kubernetes/objects.ts';
import { Scheduler, type SchedulerSettings } from '../../src/models/kubernetes/scheduler/scheduler.ts';
import { balancedAllocation, leastAllocated } from '../../src/models/kubernetes/scheduler/scores.ts';
import { bench, containerSpec, Gi, noCache, nodeSpec, second, template } from '../support/kubelet.ts';

const settings: SchedulerSettings = {
  cycleMicros: 10_000,
  backOffInitialMicros: second,
  backOffMaxMicros: 10 * second,
  flushMicros: 300 * second,
  disabled: new Set(),
  percentageOfNodesToScore: 0,
};

const asks = (
  memoryGi: number,
  millis: number,
  placement: Partial<Placement> = {},
  more: Partial<PodTemplate> = {},
) => {
  const made = template(
    [containerSpec('c', { requests: { memoryBytes: memoryGi * Gi, cpuMillis: millis } })],
    more,
  );
  return { ...made, placement: { ...made.placement, ...placement } };
};

const app = (value: string): Selector => [{ key: 'app', operator: 'In', values: [value] }];
const labelled = (name: string, labels: Readonly<Record<string, string>>, more: Partial<NodeSpec> = {}) =>
  nodeSpec(name, 16 * Gi, { labels: { 'kubernetes.io/hostname': name, ...labels }, ...more });

/** Where a pod goes on nodes with pods on them already; plugins may be switched off. */
function placed(
  nodes: readonly NodeSpec[],
  there: readonly (readonly [string, PodTemplate])[],
  pod: PodTemplate,
  disabled: readonly string[] = [],
  prepare: (made: ReturnType<typeof bench>) => void = () => {},
  hasImage?: string,
): string | undefined {
  const made = bench(nodes);
  there.forEach(([node, from], i) => {
    made.place(node, `there-${i}`, from);
  });
  prepare(made);
  const scheduler = new Scheduler(made.cluster, { ...settings, disabled: new Set(disabled) });
  if (hasImage !== undefined) scheduler.hasImage = (_, node) => node.spec.name === hasImage;
  const asked = made.cluster.createPod('default', 'asked', undefined, pod);
  return scheduler.choose(asked)?.spec.name;
}

test('the order of the nodes in the file changes no placement', () => {
  let moved = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 4, max: 32 }), fc.nat(3)), { minLength: 2, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(6), fc.nat(2000)), { minLength: 5, maxLength: 40 }),
      fc.nat(1000),
      (sizes, pods, seed) => {
        const nodes = sizes.map(([gib, zone], i) =>
          nodeSpec(`n${i}`, gib * Gi, { labels: { zone: `z${zone}` } }),
        );
        const play = (order: readonly NodeSpec[]) => {
          const { sim, cluster } = bench(order, undefined, `order ${seed}`);
          new Scheduler(cluster, settings);
          const made = pods.map(([gib, millis], i) =>
            cluster.createPod('default', `p${i}`, undefined, asks(gib, millis)),
          );
          sim.run(5 * second);
          for (const node of cluster.nodes) {
            expect(node.requestedMemoryBytes).toBeLessThanOrEqual(node.allocatable.memoryBytes);
            expect(node.requestedCpuMillis).toBeLessThanOrEqual(node.allocatable.cpuMillis);
          }
          return made.map((p) => p.node?.spec.name);
        };
        const there = play(nodes);
        if (there.includes(undefined) && there.some((n) => n !== undefined)) moved += 1;
        expect(play([...nodes].reverse())).toEqual(there);
      },
    ),
    { numRuns: 100, seed: 3 },
  );
  // Some pods found no room while others did: the limit of what is allocatable was met.
  expect(moved).toBeGreaterThan(10);
});

test('requests on the chosen node move the pod to the second choice, usage alone does not', () => {
  const nodes = [nodeSpec('a', 32 * Gi), nodeSpec('b', 16 * Gi)];
  const pod = asks(4, 500);
  expect(placed(nodes, [], pod)).toBe('a');
  expect(placed(nodes, [['a', asks(30, 500)]], pod)).toBe('b');
  const uses = template([
    containerSpec('c', {
      memory: { kind: 'process', baseBytes: 30 * Gi, leakPerSecond: 0, pageCache: noCache },
    }),
  ]);
  expect(placed(nodes, [['a', uses]], pod)).toBe('a');
});

describe('switching a plugin off changes the node:', () => {
  const two = (labels = {}, other = {}) => [labelled('a', labels), labelled('b', other)];
  // Without the plugin the emptier node a would be taken.
  const full: readonly (readonly [string, PodTemplate])[] = [['b', asks(2, 1000)]];
  const none = () => {};
  const cases: readonly [
    string,
    () => [
      readonly NodeSpec[],
      typeof full,
      PodTemplate,
      ((made: ReturnType<typeof bench>) => void)?,
      string?,
    ],
  ][] = [
    [
      'NodeUnschedulable',
      () => [
        two(),
        full,
        asks(1, 100),
        ({ cluster }) => {
          cluster.node('a')!.isCordoned = true;
        },
      ],
    ],
    [
      'TaintToleration',
      () => [
        [labelled('a', {}, { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] }), labelled('b', {})],
        full,
        asks(1, 100),
      ],
    ],
    ['NodeAffinity', () => [two({}, { disk: 'ssd' }), full, asks(1, 100, { nodeSelector: { disk: 'ssd' } })]],
    [
      'PodTopologySpread',
      () => [
        two({ zone: 'x' }, { zone: 'y' }),
        [...full, ['a', asks(0, 0, {}, { labels: { app: 'w' } })]],
        asks(
          1,
          100,
          {
            spread: [
              {
                maxSkew: 1,
                topologyKey: 'zone',
                whenUnsatisfiable: 'DoNotSchedule',
                selector: app('w'),
                minDomains: undefined,
              },
            ],
          },
          { labels: { app: 'w' } },
        ),
      ],
    ],
    [
      'InterPodAffinity',
      () => [
        two(),
        [...full, ['a', asks(0, 0, {}, { labels: { app: 'noisy' } })]],
        asks(1, 100, {
          podAntiAffinity: [
            { selector: app('noisy'), namespaces: undefined, topologyKey: 'kubernetes.io/hostname' },
          ],
        }),
      ],
    ],
    ['ImageLocality', () => [two(), full, asks(1, 100, {}, { imageBytes: 900e6, image: 'i' }), none, 'b']],
  ];
  const preferences: readonly [string, () => [readonly NodeSpec[], typeof full, PodTemplate]][] = [
    [
      'TaintToleration',
      () => [
        [
          labelled('a', {}, { taints: [{ key: 'k', value: '', effect: 'PreferNoSchedule' }] }),
          labelled('b', {}),
        ],
        full,
        asks(1, 100),
      ],
    ],
    [
      'NodeAffinity',
      () => [
        two({}, { disk: 'ssd' }),
        full,
        asks(1, 100, {
          preferredNodes: [{ weight: 50, term: [{ key: 'disk', operator: 'Exists', values: [] }] }],
        }),
      ],
    ],
    [
      'PodTopologySpread',
      () => [
        two({ zone: 'x' }, { zone: 'y' }),
        [...full, ['a', asks(0, 0, {}, { labels: { app: 'w' } })]],
        asks(
          1,
          100,
          {
            spread: [
              {
                maxSkew: 1,
                topologyKey: 'zone',
                whenUnsatisfiable: 'ScheduleAnyway',
                selector: app('w'),
                minDomains: undefined,
              },
            ],
          },
          { labels: { app: 'w' } },
        ),
      ],
    ],
    [
      'InterPodAffinity',
      () => [
        two(),
        [...full, ['b', asks(0, 0, {}, { labels: { app: 'near' } })]],
        asks(1, 100, {
          preferredPods: [
            {
              weight: 50,
              term: { selector: app('near'), namespaces: undefined, topologyKey: 'kubernetes.io/hostname' },
            },
          ],
        }),
      ],
    ],
  ];
  for (const [name, make] of preferences) {
    test(`${name}, as a score`, () => {
      const [nodes, there, pod] = make();
      expect(placed(nodes, there, pod)).toBe('b');
      expect(placed(nodes, there, pod, [name])).toBe('a');
    });
  }
  for (const [name, make] of cases) {
    test(name, () => {
      const [nodes, there, pod, prepare, image] = make();
      expect(placed(nodes, there, pod, [], prepare, image)).toBe('b');
      expect(placed(nodes, there, pod, [name], prepare, image)).toBe('a');
    });
  }

  test('NodeResourcesFit', () => {
    const nodes = [nodeSpec('a', 8 * Gi), nodeSpec('b', 32 * Gi)];
    const there: typeof full = [['b', asks(24, 7000)]];
    expect(placed(nodes, there, asks(10, 100))).toBeUndefined();
    expect(placed(nodes, there, asks(10, 100), ['NodeResourcesFit'])).toBeDefined();
  });

  test('NodeResourcesBalancedAllocation', () => {
    // Node a has the larger mean left, and is lopsided.
    const nodes = [labelled('a', {}), labelled('b', {})];
    const there: typeof full = [
      ['a', asks(7, 0)],
      ['b', asks(4, 2000)],
    ];
    const pod = asks(1, 500);
    expect(placed(nodes, there, pod)).toBe('b');
    expect(placed(nodes, there, pod, ['NodeResourcesBalancedAllocation'])).toBe('a');
  });
});

test('the scores are those of the worked examples', () => {
  expect(leastAllocated(4000, 3000)).toBe(25);
  expect(leastAllocated(4000, 4001)).toBe(0);
  expect(leastAllocated(3, 1)).toBe(66);
  expect(balancedAllocation(0.5, 0.5)).toBe(100);
  expect(balancedAllocation(0.2, 0.6)).toBe(80);
  expect(balancedAllocation(2, 0.5)).toBe(75);
});

test('a pod of a higher priority pushes out the fewest and lowest, and takes their place', () => {
  const { sim, cluster, kubelet } = bench([nodeSpec('a', 8 * Gi), nodeSpec('b', 8 * Gi)]);
  const scheduler = new Scheduler(cluster, settings);
  const put = (name: string, gib: number, priority: number) =>
    cluster.createPod('default', name, undefined, asks(gib, 100, { priority }));
  const low = [put('l1', 7, 0), put('l2', 7, 5)];
  sim.run(3 * second);
  expect(low.every((p) => p.node !== undefined)).toBe(true);
  const high = put('high', 6, 100);
  sim.run(30 * second);
  expect(low[0]!.exists).toBe(false);
  expect(low[1]!.exists).toBe(true);
  expect(high.node?.spec.name).toBeDefined();
  expect(scheduler.unschedulable()).toEqual([]);
  expect(kubelet.cluster.pod('default', 'high')).toBe(high);
  const timid = cluster.createPod(
    'default',
    'timid',
    undefined,
    asks(6, 100, { priority: 1000, preempts: false }),
  );
  sim.run(60 * second);
  expect(timid.node).toBeUndefined();
});
