import type { ModelFinding } from '../../engine/catalogue.ts';
import type { ConsumerGroups, Group } from './consumerGroups.ts';

/** What groups with members did that somebody has to know: messages that they passed over, partitions hotter than their reader, and members that are given too much at the end. */
export function memberFindings(membership: ConsumerGroups | undefined): readonly ModelFinding[] {
  if (membership === undefined) return [];
  return membership.groups.flatMap((group) => [
    ...passedOver(membership, group),
    ...hotPartition(membership, group),
    ...overloaded(membership, group),
  ]);
}

/** Messages of new partitions that nobody of a group will read. */
function passedOver({ lag }: ConsumerGroups, group: Group): ModelFinding[] {
  return group.topicNames.flatMap((topic, i) => {
    const messages = Math.round(lag.cells[group.firstCell + i].skipped);
    if (messages === 0) return [];
    return [
      {
        rule: 'a group passes over messages',
        says: `${group.name} never reads ${messages} messages of ${topic}, which were written before it first read their partitions: its auto.offset.reset is latest; set earliest before partitions are added`,
      },
    ];
  });
}

/** The partition of a group at which most came in beyond what its member handles, at any time. Tasks of sinks are members. */
function hotPartition({ members, lag }: ConsumerGroups, group: Group): ModelFinding[] {
  const hot = members
    .filter((m) => m.group === group)
    .flatMap((m) => lag.readers[m.row].hottest ?? [])
    .sort((x, y) => y.offered / y.capacity - x.offered / x.capacity || x.atMicros - y.atMicros);
  if (hot.length === 0) return [];
  const { cell, partition, offered, capacity, atMicros } = hot[0];
  const name = `${group.topicNames[cell - group.firstCell]}-${partition}`;
  const share = Number((offered / capacity).toPrecision(3));
  return [
    {
      rule: 'a partition is hotter than its reader',
      says: `${name} takes ${Math.round(offered)} messages/s from ${Number((atMicros / 1e6).toPrecision(6))} s on, ${share} times the ${Math.round(capacity)} that a member of ${group.name} handles: no further member helps; make members faster, or spread the keys over more partitions`,
    },
  ];
}

/**
 * How many members a group needs at the least is what comes in over what one handles, rounded up. A bound: the assignor deals whole
 * partitions, so that more may be needed; where one partition brings more than a member handles no number is enough.
 * Source: arithmetic, ours.
 */
function overloaded({ lag }: ConsumerGroups, group: Group): ModelFinding[] {
  const given = group.seats.map(({ row }) => ({ reader: lag.readers[row], offered: lag.offered(row) }));
  const tooMuch = given.filter(({ reader }) => reader.overloaded);
  if (tooMuch.length === 0) return [];
  const worst = tooMuch.reduce((x, y) => (y.offered > x.offered ? y : x));
  const { capacity, cells, partitions } = worst.reader;
  const total = given.reduce((sum, { offered }) => sum + offered, 0);
  const hottest = cells.reduce((most, c, i) => Math.max(most, lag.cells[c].inRate[partitions[i]]), 0);
  const least = Math.ceil(total / capacity - 1e-9);
  const busiest = `${tooMuch.length} of ${given.length} members are given more than they handle, the busiest ${Math.round(worst.offered)} messages a second for ${Math.round(capacity)}`;
  const mend =
    hottest > capacity
      ? `one partition alone brings ${Math.round(hottest)}: more members do not help, a faster one does`
      : least > given.length
        ? `${Math.round(total)} come in, for which at least ${least} such members are needed`
        : `${given.length} such members are enough for the ${Math.round(total)} that come in, if partitions are dealt evenly`;
  return [{ rule: 'a group lags for good', says: `${group.name} lags more and more: ${busiest}; ${mend}` }];
}
