import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constant } from '../../src/engine/distributions.ts';
import { nextCron, parseCron } from '../../src/models/kubernetes/controllers/cronJob.ts';
import { Deployments, fenceposts } from '../../src/models/kubernetes/controllers/deployment.ts';
import { podFailureBackOff } from '../../src/models/kubernetes/controllers/job.ts';
import { Scheduler } from '../../src/models/kubernetes/scheduler/scheduler.ts';
import { measure, run } from '../support/files.ts';
import { bench, containerSpec, Gi, nodeSpec, second, template } from '../support/kubelet.ts';

const platform = `rehearse: 1
extends: [models/hardware/aws-ec2.yaml, models/kubernetes/kubernetes-1.30.yaml]
from: 2025-10-03T04:00:00Z
to: +1h
kubernetes:
  kubelet: { podStart: 1s, restart: 1s, resync: 0s }
  nodeLifecycle: { provisioning: 3m }
  nodePools:
    - { name: burst, count: 0, max: 3, zones: [z], instance: c6i.4xlarge, labels: { pool: burst } }
  clusterAutoscaler: {}
  nodes: [ { name: a, instance: m6i.2xlarge, zone: z }, { name: b, instance: m6i.2xlarge, zone: z } ]
  podDisruptionBudgets: [ { name: web, selector: { matchLabels: { app: web } }, maxUnavailable: 1 } ]
  workloads:
`;
const container = (more: string) => `{ containers: [ { name: c, ${more} } ] }`;
const web = (more = '') =>
  `    - { name: web, kind: Deployment, replicas: 4${more}, template: { labels: { app: web }, containers: [ { name: c, start: 20s, readinessProbe: {}, livenessProbe: { initialDelay: 30s }, resources: { requests: { memory: 1Gi, cpu: 500m } } } ] } }\n`;
const db = `    - { name: db, kind: StatefulSet, replicas: 2, startsOn: [a, b], template: ${container('start: 5s, readinessProbe: {}, resources: { requests: { memory: 2Gi } }')} }\n`;

/** What was told of one kind, as minutes and subject. */
function play(workloads: string, timeline: string) {
  const file = 'k.yaml';
  const result = run(file, { record: 'none' } as never, {
    [file]: `${platform}${workloads}timeline:\n${timeline}`,
  });
  return (kind: string, subject = '') =>
    result.told
      .filter((e) => e.kind === `kubernetes.${kind}` && e.subject.startsWith(subject))
      .map((e) => [e.time / second, e.subject, e.detail] as const);
}

test('a drain evicts as fast as the budget allows, and leaves daemons where they are', () => {
  const told = play(
    `${web(', startsOn: [a]')}    - { name: agent, kind: DaemonSet, template: ${container('cpu: 100m')} }\n`,
    '  - { at: +60s, do: kubernetes.drain, node: a }\n',
  );
  const evicted = told('evictedByApi').map(([at]) => at);
  expect(evicted).toHaveLength(4);
  // One at a time, each once its successor is ready: 1 s to start, 20 s to be well, retried each 5 s.
  for (let i = 1; i < 4; i += 1) expect(evicted[i]! - evicted[i - 1]!).toBe(25);
  expect(told('drained')).toHaveLength(1);
  expect(told('podDeleted', 'agent')).toEqual([]);
});

test('pods of a lost node are replaced after 5 min 40 s; one of a stateful set waits for its node', () => {
  const told = play(
    db + web(', startsOn: [b]'),
    '  - { at: +10m, do: kubernetes.loseNode, node: b, for: 20m }\n',
  );
  expect(told('nodeUnreachable').map(([at]) => at)).toEqual([640]);
  expect(told('taintEviction').map(([at]) => at)).toEqual([940, 940, 940, 940, 940]);
  expect(told('containerStarted', 'web').map(([at]) => Math.round(at))).toEqual([941, 941, 941, 941]);
  expect(told('containerStarted', 'db-1')[0]![0]).toBeGreaterThan(1800);
});

test('an autoscaler adds a node for pods without room, and takes it away ten minutes after it is not needed', () => {
  const told = play(
    `    - { name: spiky, kind: Deployment, replicas: 0, template: { nodeSelector: { pool: burst }, ${container('resources: { requests: { memory: 20Gi } }').slice(2)} }\n`,
    '  - { at: +10m, do: kubernetes.scale, workload: spiky, replicas: 2 }\n  - { at: +30m, id: down, do: kubernetes.scale, workload: spiky, replicas: 0 }\n',
  );
  // Scanned within 10 s, decided in 5 s, there in 3 min.
  expect(told('nodeOrdered').map(([at]) => at)).toEqual([615, 615]);
  expect(told('nodeJoined').map(([at]) => at)).toEqual([795, 795]);
  const gone = told('nodeRemoved').map(([at]) => at);
  expect(gone).toHaveLength(2);
  for (const at of gone) expect(at).toBeCloseTo(2400, -1);
});

test('a spot machine is drained at its notice and gone two minutes later; a replaced node comes back under another name', () => {
  const told = play(
    web(', startsOn: [a, b]'),
    '  - { at: +5m, do: kubernetes.interruptSpot, node: a }\n  - { at: +20m, do: kubernetes.replaceNode, node: b, surge: true }\n',
  );
  expect(told('nodeRemoved').map(([at, node]) => [at, node])[0]).toEqual([420, 'a']);
  expect(told('nodeJoined').map(([at, node]) => [at, node])).toEqual([[1380, 'b-r1']]);
  expect(told('nodeRemoved', 'b')[0]![0]).toBeGreaterThan(1380);
});

test('probes take a process that hangs out and restart it, with the whole grace period', () => {
  const told = play(web(), '  - { at: +10m, do: kubernetes.hang, workload: web, for: 5m }\n');
  const failed = told('livenessFailed', 'web').map(([at]) => at);
  expect(failed).toHaveLength(4);
  // Three probes in a row fail, the last one after its timeout of 1 s.
  for (const at of failed) {
    expect(at).toBeGreaterThanOrEqual(621);
    expect(at).toBeLessThanOrEqual(631);
  }
  expect(told('containerStarted', 'web').map(([at]) => at)).toEqual(failed.map((at) => at + 31));
});

test('a job that fails is tried again after 10, 20, 40 s, six times, and one that is to complete three times does', () => {
  expect([1, 2, 3, 6, 7, 8, 20].map((n) => podFailureBackOff(n) / second)).toEqual([
    10, 20, 40, 320, 600, 600, 600,
  ]);
  const told = play(
    `    - { name: bad, kind: Job, backoffLimit: 3, template: ${container('run: 10s, exitCode: 1')} }\n` +
      `    - { name: good, kind: Job, completions: 3, parallelism: 2, template: ${container('run: 60s')} }\n` +
      `    - { name: index, kind: Job, completions: 3, completionMode: Indexed, template: ${container('run: 10s')} }\n` +
      `    - { name: stops, kind: Job, podFailurePolicy: { failOn: [42] }, template: ${container('run: 10s, exitCode: 42')} }\n`,
    '  - { at: +59m, do: kubernetes.cordon, node: a }\n',
  );
  expect(told('jobFailed', 'bad').map(([, , why]) => why)).toEqual(['BackoffLimitExceeded']);
  const starts = told('containerStarted', 'bad').map(([at]) => at);
  expect(starts).toHaveLength(4);
  expect(starts.slice(1).map((at, i) => Math.round(at - starts[i]! - 11))).toEqual([10, 20, 40]);
  expect(told('jobComplete', 'good').map(([at]) => Math.round(at))).toEqual([122]);
  expect(told('containerStarted', 'index').map(([, name]) => name.slice(0, 7))).toEqual([
    'index-0',
    'index-1',
    'index-2',
  ]);
  expect(told('jobFailed', 'stops').map(([, , why]) => why)).toEqual(['PodFailurePolicy']);
  expect(told('containerStarted', 'stops')).toHaveLength(1);
});

describe('cron', () => {
  const at = (text: string) => Date.parse(text) * 1000;
  const next = (schedule: string, after: string) => {
    const read = parseCron(schedule);
    if ('problem' in read) throw new Error(read.problem);
    return new Date(nextCron(read, at(after)) / 1000).toISOString();
  };
  test('finds the next minute, over months, leap years and days of the week', () => {
    expect(next('0 4 * * *', '2025-10-03T04:00:00Z')).toBe('2025-10-04T04:00:00.000Z');
    expect(next('*/20 * * * *', '2025-10-03T04:20:30Z')).toBe('2025-10-03T04:40:00.000Z');
    expect(next('0 0 29 2 *', '2025-01-01T00:00:00Z')).toBe('2028-02-29T00:00:00.000Z');
    expect(next('30 9 * * mon-fri', '2025-10-03T10:00:00Z')).toBe('2025-10-06T09:30:00.000Z');
    // Restricted days of the month and of the week: either of them.
    expect(next('0 0 13 * 5', '2025-10-04T00:00:00Z')).toBe('2025-10-10T00:00:00.000Z');
    expect(next('@monthly', '2025-12-15T00:00:00Z')).toBe('2026-01-01T00:00:00.000Z');
  });
  test('refuses what is no schedule', () => {
    for (const bad of ['', '* * * *', '60 * * * *', '* * 0 * *', 'x * * * *', '*/0 * * * *', '5-1 * * * *'])
      expect('problem' in parseCron(bad), bad).toBe(true);
  });
});

test('a rollout never has fewer available than it may, nor more pods than it may', () => {
  let surged = 0;
  let missing = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.nat(4),
      fc.nat(4),
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 }),
      fc.nat(40),
      (replicas, surge, unavailable, changes, startSeconds) => {
        const { sim, cluster, kubelet } = bench([nodeSpec('n', 64 * Gi)]);
        const scheduler = new Scheduler(cluster, {
          cycleMicros: 1000,
          backOffInitialMicros: second,
          backOffMaxMicros: second,
          flushMicros: 300 * second,
          disabled: new Set(),
          percentageOfNodesToScore: 0,
        });
        const deployments = new Deployments(cluster, 1000);
        const from = template([
          containerSpec('c', {
            startMicros: constant(startSeconds * second),
            readiness: {
              initialDelayMicros: 0,
              periodMicros: second,
              timeoutMicros: second,
              successThreshold: 1,
              failureThreshold: 3,
            },
          }),
        ]);
        const spec = {
          name: 'd',
          namespace: 'default',
          replicas,
          template: from,
          strategy: 'RollingUpdate',
          maxSurge: { count: surge },
          maxUnavailable: { count: unavailable },
          minReadyMicros: 0,
          progressDeadlineMicros: 600 * second,
        } as const;
        for (const pod of deployments.add(spec)) {
          scheduler.forget(pod);
          kubelet.placeAtStart(pod, cluster.node('n')!);
        }
        const [made] = deployments.all;
        const may = fenceposts({ count: surge }, { count: unavailable }, replicas);
        const change = sim.on('test.change', () => deployments.setTemplate(made!, { ...from }));
        let at = 0;
        for (const wait of changes) {
          at += wait;
          sim.at(at * second, change);
        }
        cluster.listen({
          podChanged: () => {
            const there = deployments.podsOf(made!).length;
            const up = deployments.availableOf(made!);
            expect(there).toBeLessThanOrEqual(replicas + may.surge);
            expect(up).toBeGreaterThanOrEqual(replicas - may.unavailable);
            if (there > replicas) surged += 1;
            if (up < replicas) missing += 1;
          },
        });
        sim.run(3600 * second);
        expect(deployments.availableOf(made!)).toBe(replicas);
        expect(made!.sets).toHaveLength(1);
      },
    ),
    { numRuns: 60, seed: 5 },
  );
  expect(surged).toBeGreaterThan(50);
  expect(missing).toBeGreaterThan(50);
});

test('a node costs while it is there: listed, of a pool, and until it is removed', () => {
  const r = run('scenarios/reference-day/full-day.yaml', { sampled: false });
  const cost = (node: string) => measure(r, 'rehearse:node_cost_dollars_total', { node });
  expect(cost('ip-10-42-30-101')).toBeCloseTo(24 * 0.904, 6);
  expect(cost('general-2')).toBeCloseTo(24 * 0.384, 6);
  // Taken back at 13:00, gone two minutes later.
  expect(cost('general-1')).toBeCloseTo((13 + 2 / 60) * 0.384, 3);
  const risk = r.risks.find((x) => x.name === 'cost')!.value!;
  expect(risk).toBeCloseTo(24 * (5 * 0.904 + 2 * 0.504 + 28 * 0.384) + (13 + 2 / 60) * 0.384, 2);
});
