import { expect, test } from 'vitest';
import { loadScenario } from '../../src/scenario/load.ts';
import { parts } from '../../src/scenario/parts/index.ts';
import { reader } from '../support/files.ts';

function told(limit: string) {
  const text = `rehearse: 1
extends: [models/hardware/aws-ec2.yaml, models/kubernetes/kubernetes-1.30.yaml]
from: 2025-01-01T00:00:00Z
to: +1h
kubernetes:
  nodes: [ { name: a, instance: m6i.2xlarge, zone: z } ]
  workloads:
    - { name: w, kind: Deployment, template: { containers: [ { name: c, resources: { limits: { memory: ${limit} } } } ] } }
`;
  const { warnings, problems } = loadScenario('m.yaml', reader({ 'm.yaml': text }), parts);
  expect(problems).toEqual([]);
  return warnings.map((w) => w.found);
}

test('a decimal amount of memory is echoed as it was read, a binary one is not', () => {
  expect(told('8G')).toEqual(['8G is 8000000000 bytes, 7.45 GiB']);
  expect(told('{ value: 8GB, source: s }')).toEqual(['8GB is 8000000000 bytes, 7.45 GiB']);
  expect(told('8Gi')).toEqual([]);
});
