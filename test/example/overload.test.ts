import { expect, test } from 'vitest';
import { memberFindings } from '../../src/models/kafka/memberFindings.ts';
import { clusterSettings, makeCluster, seconds, topic } from '../support/cluster.ts';
import { someMembers } from '../support/groups.ts';

/** What a run of twelve partitions of 500 messages/s each tells, which four members read. */
function played(capacity: number) {
  const { sim, cluster } = makeCluster(
    clusterSettings({
      topics: [topic({ name: 'orders', partitions: 12, messagesInPerSecond: 6000 })],
      groups: [
        {
          name: 'readers',
          topics: [0],
          catchUpFactor: 2,
          pollMicros: 0,
          clients: 4,
          fetchMinBytes: 1,
          fetchMaxWaitMicros: 500_000,
          members: someMembers({ members: 4, capacity }),
          owner: '',
        },
      ],
    }),
  );
  sim.run(seconds(60));
  return memberFindings(cluster.consumers.membership).map((f) => f.rule);
}

test('a group that keeps up has no finding, one whose members are given too much has one', () => {
  expect(played(1500)).toEqual([]);
  expect(played(1499)).toEqual(['a group lags for good']);
});

test('a partition that one member cannot read is told, however many members there are', () => {
  expect(played(499)).toEqual(['a partition is hotter than its reader', 'a group lags for good']);
});
