import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeCluster, seconds } from '../support/cluster.ts';
import { arbitraryCluster, expectHealed, holdLaws, settingsOf } from '../support/clusterLaws.ts';

test('cuts of brokers and zones, crashes, lost machines, pauses and stops in any order break no law, and the cluster heals', () => {
  const seen = {
    cutOff: 0,
    fenced: 0,
    lostQuorum: 0,
    twoAway: 0,
    shrunk: 0,
    isolatedLeader: 0,
    lostBytes: 0,
    unclean: 0,
  };
  const step = fc.record({
    at: fc.integer({ min: 1, max: 120_000 }),
    target: fc.nat(),
    what: fc.constantFrom('isolate', 'isolate', 'cut', 'cut', 'kill', 'lose', 'pause', 'stop'),
    millis: fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.integer({ min: 6000, max: 80_000 })),
  });
  fc.assert(
    fc.property(
      arbitraryCluster,
      fc.array(step, { minLength: 1, maxLength: 12, size: 'max' }),
      fc.nat(),
      (given, steps, seed) => {
        const made = makeCluster(settingsOf(given), { seed: `s${seed}`, record: new Set() });
        const { sim, cluster, start } = made;
        const { brokers, connectivity, controller } = cluster;
        sim.invariant(
          'laws',
          holdLaws(cluster, () => sim.now),
        );
        const zones = ['zone-0', 'zone-1', 'zone-2'];
        const act = sim.on('test.act', (row) => {
          const s = steps[row]!;
          const b = s.target % given.brokers;
          const micros = s.millis * 1000;
          if (s.what === 'isolate') {
            if (brokers.isRunning(b) && cluster.gauges.leaderCount.get(b) > 0) seen.isolatedLeader += 1;
            connectivity.isolate(b);
            sim.after(micros, ended, row);
          } else if (s.what === 'cut') {
            connectivity.cut(zones[s.target % 3]!, zones[(s.target + 1) % 3]!);
            sim.after(micros, ended, row);
          } else if (s.what === 'kill') brokers.kill(b, 'test');
          else if (s.what === 'lose') brokers.loseHost(b);
          else if (s.what === 'pause') cluster.pause(b, micros);
          else brokers.stop(b);
          if (!connectivity.whole) seen.cutOff += 1;
          if (!controller.quorum.commits) seen.lostQuorum += 1;
          const away = Array.from({ length: given.brokers }, (_, i) => i).filter(
            (i) => !brokers.isRunning(i) || !connectivity.reachable(i),
          );
          if (away.length >= 2) seen.twoAway += 1;
        });
        const ended = sim.on('test.ended', (row) => {
          const s = steps[row]!;
          if (s.what === 'isolate') connectivity.rejoin(s.target % given.brokers);
          else connectivity.mend(zones[s.target % 3]!, zones[(s.target + 1) % 3]!);
        });
        brokers.onExited = (b) => sim.after(seconds(3), start, b);
        steps.forEach((s, row) => {
          sim.at(s.at * 1000, act, row);
        });
        sim.run(seconds(1500));
        expectHealed(cluster);
        seen.fenced += sim.told.filter((t) => t.kind === 'kafka.fenced').length;
        seen.unclean += sim.told.filter((t) => t.kind === 'kafka.uncleanElection').length;
        for (let b = 0; b < given.brokers; b += 1) seen.shrunk += cluster.gauges.isrShrinks.get(b);
        for (let t = 0; t < cluster.settings.topics.length; t += 1)
          if (cluster.writes.possiblyLostBytes.get(t) > 0) seen.lostBytes += 1;
      },
    ),
    { seed: 17, numRuns: 300 },
  );
  expect(seen.cutOff).toBeGreaterThan(300);
  expect(seen.fenced).toBeGreaterThan(300);
  expect(seen.lostQuorum).toBeGreaterThan(50);
  expect(seen.twoAway).toBeGreaterThan(100);
  expect(seen.shrunk).toBeGreaterThan(50);
  expect(seen.isolatedLeader).toBeGreaterThan(50);
  expect(seen.lostBytes).toBeGreaterThan(10);
  expect(seen.unclean).toBeGreaterThan(5);
});
