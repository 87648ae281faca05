import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { proposalsOf } from '../../src/experiment/rebalance.ts';
import { readReassignment } from '../../src/formats/assignment.ts';
import {
  readCapacities,
  readClusterState,
  readLoad,
  readModel,
  readPartitionLoad,
} from '../../src/formats/cruiseControl.ts';
import type { JsonFile } from '../../src/formats/json.ts';
import type { ClusterDescription } from '../../src/models/cruiseControl/description.ts';
import { joinAnswers, requestOf, withCapacities } from '../../src/scenario/cruiseControlRequest.ts';
import { renderProblems } from '../../src/scenario/problems.ts';
import { root } from '../support/files.ts';

const folder = 'test/scenario/malformedJson/';
const names = readdirSync(root + folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length))
  .sort((x, y) => (x < y ? -1 : 1));

const load = { cpu: 1, nwIn: 1, nwOut: 1, disk: 1 };
const cluster: ClusterDescription = {
  brokers: [0, 1, 2, 3].map((id) => ({ id, rack: id % 2 === 0 ? 'a' : 'b', capacity: load })),
  partitions: [0, 1].map((partition) => ({
    topic: 'orders',
    partition,
    replicas: [0, 1],
    loads: [load, load],
  })),
};
const goodLoad = JSON.stringify({
  brokers: [0, 1].map((Broker) => ({
    Broker,
    Host: `h${Broker}`,
    Rack: 'a',
    BrokerState: 'ALIVE',
    DiskCapacityMB: 1,
    NetworkInCapacity: 1,
    NetworkOutCapacity: 1,
    NumCore: 1,
  })),
});
const goodPartitions = JSON.stringify({
  records: [{ topic: 'orders', partition: 0, cpu: 1, disk: 1, networkInbound: 1, networkOutbound: 1 }],
});

/** How a file is read, by the first word of its name. */
const readers: Readonly<Record<string, (text: string, file: string) => JsonFile>> = {
  plan: (text, file) => {
    const plan = readReassignment(text, file);
    expect(proposalsOf(plan, cluster).length).toBeLessThan(3);
    return plan.json;
  },
  capacity: (text, file) => {
    const capacities = readCapacities(text, file);
    withCapacities(cluster, capacities);
    return capacities.json;
  },
  model: (text, file) => {
    const read = readModel(text, file);
    requestOf(read, read.cluster ?? { brokers: [], partitions: [] });
    return read.json;
  },
  load: (text, file) => readLoad(text, file).json,
  partitions: (text, file) => readPartitionLoad(text, file).json,
  state: (text, file) => {
    const state = readClusterState(text, file);
    joinAnswers(readLoad(goodLoad, 'load.json'), readPartitionLoad(goodPartitions, 'loads.json'), state);
    return state.json;
  },
};

test.each(names)('%s is told with the messages, lines and columns beside it', async (name) => {
  const file = `${folder}${name}.json`;
  const text = readFileSync(root + file, 'utf8');
  const problems = readers[name.split('-')[0]!]!(text, file).problems();
  expect(problems.length).toBeGreaterThan(0);
  await expect(`${renderProblems(problems, new Map([[file, text]]))}\n`).toMatchFileSnapshot(
    `malformedJson/${name}.txt`,
  );
});
