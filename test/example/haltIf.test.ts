import { expect, test } from 'vitest';
import { measure, variant } from '../support/files.ts';

const base = 'test/scenario/malformed/_base.yaml';
const rolling = (haltIf: string) => `timeline:
  - { id: restart, at: +29m }
  - { id: all, at: +1m, do: operations.rollingRestart, every: 60s, downTime: 3m, drain: 8s, haltIf: "${haltIf}" }`;

test('a procedure halts when one series of its condition is true, although others are not', () => {
  // With one broker away its own gauge is 0, and only the others count partitions as under-replicated.
  const condition = 'kafka_server_replicamanager_underreplicatedpartitions > 0';
  const result = variant(base, rolling(condition));
  expect(measure(result, 'rehearse:procedures_halted_total')).toBe(1);
});

test('a procedure goes on while no series of its condition is true', () => {
  const result = variant(base, rolling('kafka_server_replicamanager_underreplicatedpartitions > 1000'));
  expect(measure(result, 'rehearse:procedures_halted_total')).toBe(0);
});
